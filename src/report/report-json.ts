import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkText } from '../arguments.ts';
import { CheckpointError } from '../errors.ts';
import { checkDocument, jsonText, readJson } from '../files/index.ts';
import type { NamedEvaluation, Report } from './report.ts';
import { resultsOf } from './results.ts';
import { REPORT_FORMAT_VERSION, type ReportDocument, reportSchema } from './schema.ts';

/** Largest report that is read, in bytes: predictions on 10,000 images and the losses of 50 million steps. */
const MAX_REPORT_BYTES = 2 ** 28;

/** A report as the text of a `report.json`. */
export function renderJson(report: Report): string {
  return `${jsonText(toDocument(report))}\n`;
}

/**
 * Reads a report.
 *
 * @param path a `report.json`, or a run folder that contains one
 * @throws UsageError if `path` is not a string
 * @throws CheckpointError if there is no report, or it is damaged or written by a newer version
 *
 * @example
 * const { evaluation } = await readReport('runs/finetune');
 * console.log(overall(evaluation).accuracy);
 */
export async function readReport(path: string): Promise<Report> {
  checkText('path', path);
  if (!existsSync(path)) {
    throw new CheckpointError('file-not-found', `${path}: no such run folder or report; check the path`);
  }
  const file = statSync(path).isDirectory() ? join(path, 'report.json') : path;
  if (!existsSync(file)) throw new CheckpointError('no-report', `${path}: the folder has no report.json`);
  return parseReport(file, await readJson(file, MAX_REPORT_BYTES));
}

/**
 * Checks the parsed content of a `report.json`.
 *
 * @param path of the file, for error messages
 * @throws UsageError if `path` is not a string
 * @throws CheckpointError naming the first invalid part
 */
export function parseReport(path: string, content: unknown): Report {
  checkText('path', path);
  const document: ReportDocument = checkDocument(path, content, reportSchema, {
    format: 'tfjs-lora report',
    version: REPORT_FORMAT_VERSION,
    name: 'a report of tfjs-lora',
  });
  const { createdAt, run, classNames, targetLabels, training, guard, layers, gates, evaluation, baseline } =
    document;
  const { dataHash } = document;
  const labels = decodeLabels(path, 'labels', document.labels, classNames);
  if (labels.length === 0) throw damaged(path, 'labels: there are no examples');
  checkLabels(path, 'targetLabels', targetLabels, classNames);
  const repeated = targetLabels.find((label, index) => targetLabels.indexOf(label) < index);
  if (repeated !== undefined) throw damaged(path, `targetLabels: label ${repeated} is listed twice`);
  const decode = (part: 'evaluation' | 'baseline', stored: StoredPredictions) =>
    decodePredictions(path, part, stored, { labels, classNames, dataHash });
  return {
    createdAt,
    run,
    evaluation: decode('evaluation', evaluation),
    baseline: baseline && decode('baseline', baseline),
    targetLabels,
    training: training && {
      losses: decodeFloats(path, 'training.losses', training.losses),
      validation: training.validation,
    },
    guard,
    layers,
    gates,
  };
}

type StoredPredictions = ReportDocument['evaluation'];

function toDocument(report: Report): ReportDocument {
  const { createdAt, run, evaluation, baseline, targetLabels, training, guard, layers, gates } = report;
  return {
    format: 'tfjs-lora report',
    formatVersion: REPORT_FORMAT_VERSION,
    createdAt,
    run,
    classNames: evaluation.classNames,
    targetLabels,
    results: resultsOf(report),
    gates,
    layers,
    training: training && { losses: encodeFloats(training.losses), validation: training.validation },
    guard,
    dataHash: evaluation.dataHash,
    labels: encodeBytes(evaluation.labels),
    evaluation: encodePredictions(evaluation),
    baseline: baseline && encodePredictions(baseline),
  };
}

function encodePredictions({ name, loss, predictions, confidences }: NamedEvaluation): StoredPredictions {
  return { name, loss, predictions: encodeBytes(predictions), confidences: encodeFloats(confidences) };
}

function decodePredictions(
  path: string,
  part: string,
  { name, loss, predictions, confidences }: StoredPredictions,
  { labels, classNames, dataHash }: Pick<NamedEvaluation, 'labels' | 'classNames' | 'dataHash'>,
): NamedEvaluation {
  const evaluation = {
    name,
    count: labels.length,
    classNames,
    dataHash,
    labels,
    predictions: decodeLabels(path, `${part}.predictions`, predictions, classNames),
    confidences: decodeFloats(path, `${part}.confidences`, confidences),
    loss,
  };
  for (const key of ['predictions', 'confidences'] as const) {
    const count = evaluation[key].length;
    if (count === labels.length) continue;
    throw damaged(path, `${part}.${key}: has ${count} examples, labels has ${labels.length}`);
  }
  const invalid = evaluation.confidences.findIndex((confidence) => !(confidence >= 0 && confidence <= 1));
  if (invalid < 0) return evaluation;
  throw damaged(
    path,
    `${part}.confidences: ${evaluation.confidences[invalid]} at position ${invalid} is not a probability`,
  );
}

function encodeBytes(values: Uint8Array): string {
  return Buffer.from(values).toString('base64');
}

function decodeLabels(path: string, part: string, text: string, classNames: readonly string[]): Uint8Array {
  const labels = Uint8Array.from(Buffer.from(text, 'base64'));
  checkLabels(path, part, labels, classNames);
  return labels;
}

function checkLabels(
  path: string,
  part: string,
  labels: Uint8Array | readonly number[],
  classNames: readonly string[],
): void {
  const invalid = labels.findIndex((label) => label >= classNames.length);
  if (invalid < 0) return;
  throw damaged(
    path,
    `${part}: label ${labels[invalid]} at position ${invalid} is outside the ${classNames.length} classes`,
  );
}

function encodeFloats(values: Float32Array): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}

function decodeFloats(path: string, part: string, text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0) {
    throw damaged(path, `${part}: ${bytes.length} bytes are not a whole number of float32 values`);
  }
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

function damaged(path: string, problem: string): CheckpointError {
  return new CheckpointError('invalid-checkpoint', `${path}: ${problem}; the report is damaged`);
}
