import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { fromDocument, renderJson, toDocument } from '../../src/report/document.ts';
import { readReport } from '../../src/report/read.ts';
import { resultsOf } from '../../src/report/results.ts';
import { reportSchema } from '../../src/report/schema.ts';
import { comparisonReport, singleReport } from './make-report.ts';

const parsed = (report = comparisonReport()) => JSON.parse(renderJson(report));

describe('report.json', () => {
  test.each([
    ['a single evaluation', singleReport()],
    ['a comparison with everything', comparisonReport()],
  ])('gives back %s as it was', (_, report) => {
    expect(fromDocument('report.json', parsed(report))).toEqual(report);
  });

  test('holds what all of its numbers can be computed from', () => {
    const document = parsed();
    expect(document.results).toEqual(JSON.parse(JSON.stringify(resultsOf(fromDocument('r', document)))));
    expect(document.results.comparison.total.pValue).toBeGreaterThan(0);
  });

  test('keeps confidences and losses bit for bit', () => {
    const report = comparisonReport();
    const read = fromDocument('r', parsed(report));
    expect(read.evaluation.confidences).toEqual(report.evaluation.confidences);
    expect(read.training!.losses).toEqual(report.training!.losses);
  });

  test('follows its schema, also where a digit has no examples', () => {
    const report = singleReport();
    const labels = report.evaluation.labels.map((label) => (label === 7 ? 1 : label));
    const evaluation = { ...report.evaluation, labels };
    const document = JSON.parse(renderJson({ ...report, evaluation }));
    expect(reportSchema.strict().parse(document)).toEqual(document);
    expect(document.results.evaluation.classes[7].accuracy).toBeNull();
  });

  test('is the same text for the same run, dates aside', () => {
    const again = { ...comparisonReport(), createdAt: '2027-02-03T04:05:06.000Z' };
    const text = renderJson(again).replace(again.createdAt, comparisonReport().createdAt);
    expect(text).toBe(renderJson(comparisonReport()));
  });
});

describe('reading a report.json', () => {
  const base64 = (...bytes: number[]) => Buffer.from(bytes).toString('base64');
  const document = () => JSON.parse(JSON.stringify(toDocument(singleReport(20))));

  test.each([
    ['something else', () => ({ format: 'tfjs-lora run' }), 'not a report of tfjs-lora'],
    ['null', () => null, 'not a report of tfjs-lora'],
    ['a newer format', () => ({ ...document(), formatVersion: 2 }), 'format version 2 is too new'],
    ['a missing part', () => ({ ...document(), labels: undefined }), 'labels: '],
    [
      'a label outside the classes',
      () => ({ ...document(), labels: base64(3, 10) }),
      'example 1 has class 10, there are 10',
    ],
    [
      'fewer labels than predictions',
      () => ({ ...document(), labels: base64(3) }),
      'evaluation.predictions: holds 20 examples, labels hold 1',
    ],
    [
      'cut confidences',
      () => ({ ...document(), evaluation: { ...document().evaluation, confidences: base64(1, 2, 3) } }),
      '3 bytes are no float32 values',
    ],
    [
      'a target label outside the classes',
      () => ({ ...document(), targetLabels: [10] }),
      'label 10 is outside the 10 classes',
    ],
  ])('refuses %s', (_, make, words) => {
    const read = () => fromDocument('some/report.json', make());
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(words);
    expect(read).toThrow('some/report.json');
  });
});

describe('readReport', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-report-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('takes a run folder or the file itself', async () => {
    writeFileSync(join(folder, 'report.json'), renderJson(singleReport()));
    expect(await readReport(folder)).toEqual(singleReport());
    expect(await readReport(join(folder, 'report.json'))).toEqual(singleReport());
  });

  test('says what to do where there is none', async () => {
    await expect(readReport(join(folder, 'nowhere'))).rejects.toThrow('no such run folder or report');
    await expect(readReport(tmpdir())).rejects.toThrow(
      `'tfjs-lora eval ${tmpdir()} --report ${join(tmpdir(), 'report.json')}' writes one`,
    );
  });

  test('refuses a file that is no JSON', async () => {
    writeFileSync(join(folder, 'broken.json'), '{');
    await expect(readReport(join(folder, 'broken.json'))).rejects.toThrow(CheckpointError);
  });
});
