import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeJson } from '../../src/files/index.ts';
import {
  readSweepReport,
  renderSweepText,
  type SweepReport,
  sweepJsonSchema,
  writeSweepReport,
} from '../../src/sweep/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const value = (mean: number, margin?: number) => ({
  mean,
  interval: margin === undefined ? null : ([mean - margin, mean + margin] as const),
});

function configuration(rank: number, total: number, drop: number, pValue: number | null) {
  return {
    name: `rank ${rank}`,
    configuration: { rank },
    seeds: [0, 1],
    failed: 0,
    trials: ['a', 'b'],
    target: value(total - 0.01, 0.002),
    other: value(total + 0.01, 0.002),
    total: value(total, 0.001),
    gain: value(0.03),
    drop: value(drop),
    trainableParameters: 1562 * rank,
    effectiveRank: 1.4,
    elapsedMs: 1200,
    peakBytes: 7e8,
    withinBudget: true,
    onParetoFront: rank === 4,
    pValue,
  };
}

const report: SweepReport = {
  format: 'tfjs-lora sweep',
  formatVersion: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  base: { folder: 'runs/base', contentHash: 'f'.repeat(64) },
  data: { directory: '/data', train: 'a', heldOut: 'b', heldOutExamples: 6000 },
  device: 'cpu',
  targetLabels: [2, 3],
  classNames: [...'0123456789'],
  seeds: [0, 1],
  rounds: [],
  configurations: [configuration(1, 0.9, 0.05, 0.2), configuration(4, 0.91, 0.02, null)],
  best: 1,
  recommended: 0,
  test: [
    { ...configuration(1, 0.89, 0.05, null), configuration: 0 },
    { ...configuration(4, 0.9, 0.02, null), configuration: 1 },
  ].map(({ target, other, total, gain, drop, configuration: position }) => ({
    target,
    other,
    total,
    gain,
    drop,
    configuration: position,
  })),
  failures: [{ configuration: { rank: 8 }, seed: 1, reason: 'the loss is not finite' }],
  versions: { 'tfjs-lora': '0.1.0' },
};

test('the text marks the best and the recommended configuration and says why', () => {
  const text = renderSweepText(report);
  expect(text).toMatch(/^>\s+rank 1\s+1,562\s+89\.00\s+91\.00\s+90\.00\s+0\.10\s+\+5\.00\s+1\.4\s+0\.200$/m);
  expect(text).toMatch(/^\*\+\s+rank 4\s+6,248 .*\+2\.00\s+1\.4$/m);
  expect(text).toContain(
    'recommended: rank 1 (1,562 trainable parameters), the smallest that is not significantly worse (p = 0.200',
  );
  expect(text).toContain('failed: {"rank":8}, seed 1: the loss is not finite');
});

test('without a configuration in the budget the text says what to do', () => {
  const none = { ...report, best: null, recommended: null, maxDrop: 0.005, test: [] };
  expect(renderSweepText(none)).toContain(
    'no configuration loses at most 0.5 points on every other class; raise the budget',
  );
});

test('a written report is read back, and its pages have the numbers', async () => {
  const folder = await temporaryFolder();
  await writeSweepReport(folder, report);
  expect(await readSweepReport(join(folder, 'sweep.json'))).toEqual(report);
  const html = readFileSync(join(folder, 'sweep.html'), 'utf8');
  expect(html).toContain('Accuracy over rank');
  expect(html.match(/<svg/g)!.length).toBeGreaterThanOrEqual(4);
  expect(html).toMatch(/<text[^>]*>rank 4<\/text>/); // the name of a point
  expect(html).not.toMatch(/<script|https?:(?!\/\/www\.w3\.org)/);
  expect(readFileSync(join(folder, 'sweep.md'), 'utf8')).toContain('| rank 4 | 6,248 |');
});

test('names from a file are escaped in the pages', async () => {
  const folder = await temporaryFolder();
  await writeSweepReport(folder, { ...report, base: { ...report.base, folder: '<script>|' } });
  expect(readFileSync(join(folder, 'sweep.html'), 'utf8')).toContain('&lt;script&gt;|');
  expect(readFileSync(join(folder, 'sweep.md'), 'utf8')).toContain('\\<script\\>\\|');
});

test('a damaged report is refused with the field', async () => {
  const path = join(await temporaryFolder(), 'sweep.json');
  await writeJson(path, { ...report, best: 'first' });
  await expect(readSweepReport(path)).rejects.toThrow(/sweep\.json: best/);
});

test('docs/schemas/sweep.schema.json is up to date (npm run schemas updates it)', () => {
  expect(readFileSync('docs/schemas/sweep.schema.json', 'utf8')).toBe(sweepJsonSchema());
});
