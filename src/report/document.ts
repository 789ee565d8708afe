import { CheckpointError } from '../errors.ts';
import { checkDocument, jsonText } from '../files/index.ts';
import type { NamedEvaluation, Report } from './report.ts';
import { resultsOf } from './results.ts';
import { REPORT_FORMAT_VERSION, type ReportDocument, reportSchema } from './schema.ts';

/** The content of `report.json`. */
export function toDocument(report: Report): ReportDocument {
  const { createdAt, run, evaluation, baseline, targetLabels, training, guard, layers, gates } = report;
  const { classNames, labels } = evaluation;
  return {
    format: 'tfjs-lora report',
    formatVersion: REPORT_FORMAT_VERSION,
    createdAt,
    run,
    classNames,
    targetLabels,
    results: resultsOf(report),
    gates,
    layers,
    training: training && { losses: encodeFloats(training.losses), validation: training.validation },
    guard,
    labels: encodeBytes(labels),
    evaluation: encodePredictions(evaluation),
    baseline: baseline && encodePredictions(baseline),
  };
}

/** `report.json` as text. */
export function renderJson(report: Report): string {
  return `${jsonText(toDocument(report))}\n`;
}

/**
 * Checks the content of a report.json and gives the report back.
 *
 * @param path what messages call the file
 * @throws CheckpointError naming the first part that is wrong
 */
export function fromDocument(path: string, content: unknown): Report {
  const document = checkDocument(path, content, reportSchema, {
    format: 'tfjs-lora report',
    version: REPORT_FORMAT_VERSION,
    name: 'a report of tfjs-lora',
  });
  const { classNames, targetLabels, training } = document;
  const labels = decodeClasses(path, 'labels', document.labels, classNames.length);
  const evaluationOf = (part: 'evaluation' | 'baseline'): NamedEvaluation => {
    const { name, loss, predictions, confidences } = document[part]!;
    const evaluation: NamedEvaluation = {
      name,
      count: labels.length,
      classNames,
      labels,
      predictions: decodeClasses(path, `${part}.predictions`, predictions, classNames.length),
      confidences: decodeFloats(path, `${part}.confidences`, confidences),
      loss,
    };
    for (const key of ['predictions', 'confidences'] as const) {
      requireLength(path, `${part}.${key}`, evaluation[key].length, labels.length);
    }
    return evaluation;
  };
  return {
    createdAt: document.createdAt,
    run: document.run,
    evaluation: evaluationOf('evaluation'),
    baseline: document.baseline && evaluationOf('baseline'),
    targetLabels: checkLabels(path, targetLabels, classNames.length),
    training: training && {
      losses: decodeFloats(path, 'training.losses', training.losses),
      validation: training.validation,
    },
    guard: document.guard,
    layers: document.layers,
    gates: document.gates,
  };
}

function encodePredictions({ name, loss, predictions, confidences }: NamedEvaluation) {
  return {
    name,
    loss,
    predictions: encodeBytes(predictions),
    confidences: encodeFloats(confidences),
  };
}

function encodeBytes(values: Uint8Array): string {
  return Buffer.from(values).toString('base64');
}

function encodeFloats(values: Float32Array): string {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes.toString('base64');
}

function decodeFloats(path: string, part: string, text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % 4 !== 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: ${part}: ${bytes.length} bytes are no float32 values; the report is damaged`,
    );
  }
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}

function decodeClasses(path: string, part: string, text: string, classes: number): Uint8Array {
  const values = Uint8Array.from(Buffer.from(text, 'base64'));
  const outside = values.findIndex((value) => value >= classes);
  if (outside < 0) return values;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: ${part}: example ${outside} has class ${values[outside]}, there are ${classes}; the report is damaged`,
  );
}

function requireLength(path: string, part: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: ${part}: holds ${actual} examples, labels hold ${expected}; the report is damaged`,
  );
}

function checkLabels(path: string, labels: readonly number[], classes: number): readonly number[] {
  const outside = labels.find((label) => label >= classes);
  if (outside === undefined) return labels;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: targetLabels: label ${outside} is outside the ${classes} classes; the report is damaged`,
  );
}
