import { describe, expect, test } from 'vitest';
import { githubAnnotations, renderReport } from '../../src/report/index.ts';
import { comparisonReport, singleReport } from './make-report.ts';

describe('a report as JUnit XML', () => {
  test('has a test case for each gate, and a failure for each gate that was not met', async () => {
    const xml = await renderReport(comparisonReport(10_000), 'junit');
    expect(xml).toContain('<testsuite name="tfjs-lora finetune runs/finetune"');
    expect(xml).toContain('tests="2" failures="1"');
    expect(xml).toMatch(/<testcase classname="tfjs-lora.gates" name="min-accuracy">/);
    expect(xml).toMatch(
      /name="max-digit-drop">\s*<failure message="max-digit-drop 1: 4 lost [^"]+" type="GateError"/,
    );
  });

  test('escapes names and removes control characters', async () => {
    const report = singleReport();
    const run = { ...report.run, folder: '<a> & "b"\u0000\u001b[1m' };
    const xml = await renderReport({ ...report, run }, 'junit');
    expect(xml).toContain('name="tfjs-lora eval &lt;a> &amp; &quot;b&quot;[1m"');
  });

  test('escapes marks of text direction', async () => {
    const report = singleReport();
    const run = { ...report.run, folder: '\u202eab\x9b' };
    expect(await renderReport({ ...report, run }, 'junit')).toContain('"tfjs-lora eval \\u202eab\\u009b"');
  });

  test('does not depend on reports rendered before', async () => {
    const first = await renderReport(comparisonReport(), 'junit');
    expect(await renderReport(comparisonReport(), 'junit')).toBe(first);
  });
});

test.each(['text', 'markdown', 'html', 'json'] as const)(
  'names reach a report as %s without control characters',
  async (format) => {
    const report = comparisonReport();
    const hostile = (name: string) => `${name}\x1b]0;t\x07\x9b2J\0\u202e`;
    const named = <T extends { name: string; classNames: readonly string[] }>(part: T): T => ({
      ...part,
      name: hostile(part.name),
      classNames: part.classNames.map(hostile),
    });
    const text = await renderReport(
      { ...report, evaluation: named(report.evaluation), baseline: named(report.baseline!) },
      format,
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
    expect(text.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)).toBeNull();
    expect(text).toContain(format === 'json' ? '\\u202e' : '\\');
  },
);

describe('githubAnnotations', () => {
  test('returns an error for each gate that was not met', () => {
    expect(githubAnnotations(comparisonReport(10_000))).toEqual([
      expect.stringMatching(
        /^::error title=tfjs-lora max-digit-drop::max-digit-drop 1: 4 lost \d\.\d\d points/,
      ),
    ]);
  });

  test('returns one notice if all gates were met, and nothing without gates', () => {
    expect(githubAnnotations(comparisonReport(2000, { minAccuracy: 0.1 }))).toEqual([
      '::notice title=tfjs-lora gates::all 1 gates met',
    ]);
    expect(githubAnnotations(singleReport())).toEqual([]);
  });

  test('escapes characters that end a workflow command', () => {
    const gates = [{ gate: 'a:b,c', passed: false, message: '50 %\nnext' }];
    expect(githubAnnotations({ ...singleReport(), gates })).toEqual([
      '::error title=tfjs-lora a%3Ab%2Cc::50 %25%0Anext',
    ]);
  });
});
