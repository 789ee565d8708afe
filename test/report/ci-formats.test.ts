import { describe, expect, test } from 'vitest';
import { githubAnnotations } from '../../src/report/github.ts';
import { renderJunit } from '../../src/report/junit.ts';
import { comparisonReport, singleReport } from './make-report.ts';

describe('renderJunit', () => {
  test('makes each gate a test case, and a gate that is not met a failure', () => {
    const xml = renderJunit(comparisonReport(10_000));
    expect(xml).toContain('<testsuite name="tfjs-lora finetune runs/finetune"');
    expect(xml).toContain('tests="2" failures="1"');
    expect(xml).toMatch(/<testcase classname="tfjs-lora.gates" name="min-accuracy">/);
    expect(xml).toMatch(
      /name="max-digit-drop">\s*<failure message="max-digit-drop 1: 4 drops [^"]+" type="GateError"/,
    );
  });

  test('escapes names, and drops what XML cannot hold', () => {
    const report = singleReport();
    const xml = renderJunit({ ...report, run: { ...report.run, folder: '<a> & "b"\u0000\u001b[1m' } });
    expect(xml).toContain('name="tfjs-lora eval &lt;a> &amp; &quot;b&quot;[1m"');
  });

  test('starts anew each time', () => {
    expect(renderJunit(comparisonReport())).toBe(renderJunit(comparisonReport()));
  });
});

describe('githubAnnotations', () => {
  test('is an error for each gate that was not met', () => {
    expect(githubAnnotations(comparisonReport(10_000))).toEqual([
      expect.stringMatching(
        /^::error title=tfjs-lora max-digit-drop::max-digit-drop 1: 4 drops \d\.\d\d points/,
      ),
    ]);
  });

  test('is one notice when all were met, and nothing without gates', () => {
    expect(githubAnnotations(comparisonReport(2000, { minAccuracy: 0.1 }))).toEqual([
      '::notice title=tfjs-lora gates::all 1 gates met',
    ]);
    expect(githubAnnotations(singleReport())).toEqual([]);
  });

  test('escapes what would end the command', () => {
    const gates = [{ gate: 'a:b,c', passed: false, message: '50 %\nnext' }];
    expect(githubAnnotations({ ...singleReport(), gates })).toEqual([
      '::error title=tfjs-lora a%3Ab%2Cc::50 %25%0Anext',
    ]);
  });
});
