import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { parseReport, type Report, readReport, renderReport, resultsOf } from '../../src/report/index.ts';
import { reportJsonSchema, reportSchema } from '../../src/report/schema.ts';
import { comparisonReport, singleReport } from './make-report.ts';

const documentOf = async (report: Report) => JSON.parse(await renderReport(report, 'json'));

describe('report.json', () => {
  test.each([
    ['a single evaluation', singleReport()],
    ['a comparison with every optional part', comparisonReport()],
  ])('keeps %s', async (_, report) => {
    expect(parseReport('report.json', await documentOf(report))).toEqual(report);
  });

  test('has results that can be computed from its predictions', async () => {
    const document = await documentOf(comparisonReport());
    const computed = resultsOf(parseReport('report.json', document));
    expect(document.results).toEqual(JSON.parse(JSON.stringify(computed)));
    expect(document.results.comparison.total.pValue).toBeGreaterThan(0);
  });

  test('keeps confidences and losses bit for bit', async () => {
    const report = comparisonReport();
    const parsed = parseReport('report.json', await documentOf(report));
    expect(parsed.evaluation.confidences).toEqual(report.evaluation.confidences);
    expect(parsed.training!.losses).toEqual(report.training!.losses);
  });

  test('follows its schema, also if a digit has no examples', async () => {
    const report = singleReport();
    const labels = report.evaluation.labels.map((label) => (label === 7 ? 1 : label));
    const document = await documentOf({ ...report, evaluation: { ...report.evaluation, labels } });
    expect(reportSchema.strict().parse(document)).toEqual(document);
    expect(document.results.evaluation.classes[7].accuracy).toBeNull();
  });

  test('is the same text for the same run, except for its date', async () => {
    const later = { ...comparisonReport(), createdAt: '2027-02-03T04:05:06.000Z' };
    const text = (await renderReport(later, 'json')).replace(later.createdAt, comparisonReport().createdAt);
    expect(text).toBe(await renderReport(comparisonReport(), 'json'));
  });
});

test('docs/schemas/report.schema.json is up to date (npm run schemas updates it)', () => {
  expect(readFileSync('docs/schemas/report.schema.json', 'utf8')).toBe(reportJsonSchema());
});

describe('parseReport', () => {
  const base64 = (...bytes: number[]) => Buffer.from(bytes).toString('base64');
  const document = () => documentOf(singleReport(20));

  test.each([
    ['a document of another kind', () => ({ format: 'tfjs-lora run' }), 'not a report of tfjs-lora'],
    ['null', () => null, 'not a report of tfjs-lora'],
    [
      'a newer format',
      async () => ({ ...(await document()), formatVersion: 2 }),
      'format version 2 is too new',
    ],
    ['a missing part', async () => ({ ...(await document()), labels: undefined }), 'labels: '],
    [
      'a label outside the classes',
      async () => ({ ...(await document()), labels: base64(3, 10) }),
      'labels: label 10 at position 1 is outside the 10 classes',
    ],
    [
      'a target label outside the classes',
      async () => ({ ...(await document()), targetLabels: [10] }),
      'targetLabels: label 10 at position 0 is outside the 10 classes',
    ],
    [
      'a target label listed twice',
      async () => ({ ...(await document()), targetLabels: [3, 3] }),
      'targetLabels: label 3 is listed twice',
    ],
    ['no examples', async () => ({ ...(await document()), labels: '' }), 'labels: there are no examples'],
    [
      'another kind of hash',
      async () => ({ ...(await document()), dataHash: 'x' }),
      'dataHash: must be a SHA-256 in 64 hexadecimal digits ("x")',
    ],
    [
      'confidences that are not probabilities',
      async () => {
        const complete = await document();
        const confidences = Buffer.from(Float32Array.from({ length: 20 }, () => 7).buffer).toString('base64');
        return { ...complete, evaluation: { ...complete.evaluation, confidences } };
      },
      'evaluation.confidences: 7 at position 0 is not a probability',
    ],
    [
      'fewer labels than predictions',
      async () => ({ ...(await document()), labels: base64(3) }),
      'evaluation.predictions: has 20 examples, labels has 1',
    ],
    [
      'truncated confidences',
      async () => {
        const complete = await document();
        return { ...complete, evaluation: { ...complete.evaluation, confidences: base64(1, 2, 3) } };
      },
      '3 bytes are not a whole number of float32 values',
    ],
  ])('throws for %s, naming the file', async (_, makeContent, message) => {
    const content = await makeContent();
    const parse = () => parseReport('some/report.json', content);
    expect(parse).toThrow(CheckpointError);
    expect(parse).toThrow(message);
    expect(parse).toThrow('some/report.json');
  });
});

describe('readReport', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-report-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('reads a report.json, or the one in a run folder', async () => {
    writeFileSync(join(folder, 'report.json'), await renderReport(singleReport(), 'json'));
    expect(await readReport(folder)).toEqual(singleReport());
    expect(await readReport(join(folder, 'report.json'))).toEqual(singleReport());
  });

  test('throws if there is no report', async () => {
    await expect(readReport(join(folder, 'missing'))).rejects.toMatchObject({ code: 'file-not-found' });
    await expect(readReport(tmpdir())).rejects.toMatchObject({
      code: 'no-report',
      message: `${tmpdir()}: the folder has no report.json`,
    });
  });

  test('throws for invalid JSON', async () => {
    writeFileSync(join(folder, 'broken.json'), '{');
    await expect(readReport(join(folder, 'broken.json'))).rejects.toThrow(CheckpointError);
  });
});
