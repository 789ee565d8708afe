import { checkGates, type Gates } from '../../src/gates/index.ts';
import type { Report } from '../../src/report/index.ts';
import { randomEvaluation } from '../metrics/make-evaluation.ts';

/** Error rates of the digits 0 to 9. */
const before = [0.02, 0.02, 0.1, 0.12, 0.05, 0.2, 0.04, 0.06, 0.3, 0.12];
const after = [0.03, 0.02, 0.08, 0.09, 0.1, 0.1, 0.04, 0.06, 0.15, 0.1];

/** The hash of the images that reports are made of: the same for all. */
const dataHash = '5'.repeat(64);

/** A report of one evaluation of `count` digits. */
export function singleReport(count = 2000): Report {
  return {
    createdAt: '2026-01-01T00:00:00.000Z',
    run: {
      command: 'eval',
      folder: 'runs/pretrain',
      data: 'MNIST test',
      seed: 0,
      versions: { 'tfjs-lora': '0.1.0', node: '20.20.2' },
    },
    evaluation: { ...randomEvaluation(count, before, 1), dataHash, name: 'base' },
    targetLabels: [],
  };
}

/** A report of two evaluations of the same `count` digits, with every optional part. */
export function comparisonReport(count = 2000, gates: Gates = { minAccuracy: 0.8, maxDigitDrop: 1 }): Report {
  const single = singleReport(count);
  const evaluation = { ...randomEvaluation(count, after, 2), dataHash };
  const baseline = single.evaluation;
  const targetLabels = [2, 3, 5, 8, 9];
  return {
    ...single,
    run: {
      ...single.run,
      command: 'finetune',
      folder: 'runs/finetune',
      rank: 2,
      alpha: 1,
      steps: 200,
      batchSize: 10,
    },
    evaluation: { ...evaluation, name: 'adapter on' },
    baseline: { ...baseline, name: 'adapter off' },
    targetLabels,
    gates: checkGates({ evaluation, baseline, targetLabels }, gates),
    training: {
      losses: Float32Array.from(
        { length: 200 },
        (_, step) => 0.5 + Math.exp(-step / 30) + 0.2 * Math.sin(step * 7),
      ),
      validation: {
        examples: 6000,
        points: [0, 50, 100, 150, 200].map((step) => ({ step, accuracy: 0.87 + step / 5000 })),
      },
    },
    guard: {
      examples: 6000,
      maxDrop: 0.01,
      training: {
        checks: [0, 50, 100, 150, 200].map((step) => ({ step, gain: step / 4000, drop: step / 18000 })),
        keptStep: 150,
      },
      strengthSearch: {
        checks: [0, 0.25, 0.5, 0.75, 1].map((strength) => ({
          strength,
          gain: strength * 0.05,
          drop: strength ** 2 * 0.012,
        })),
        keptStrength: 0.75,
      },
    },
    layers: [
      { layer: 'linear1', rank: 2, singularValues: [1.2, 0.5], effectiveRank: 1.52 },
      { layer: 'linear2', rank: 2, singularValues: [0.9, 0.1], effectiveRank: 1.07 },
      { layer: 'linear3', rank: 2, singularValues: [0, 0], effectiveRank: 0 },
    ],
  };
}

/** The report with long class names and a long path. */
export function withLongClassNames(report: Report): Report {
  const names = [
    'ankle boot',
    'bag',
    'coat',
    'dress',
    'pullover',
    'sandal',
    'shirt',
    'sneaker',
    'trouser',
    'T-shirt/top',
  ];
  const rename = (evaluation: Report['evaluation']) => ({ ...evaluation, classNames: names });
  const path = 'runs/a-folder-with-a-rather-long-name-that-someone-chose/and-another-one-inside-it';
  return {
    ...report,
    run: { ...report.run, folder: path },
    evaluation: rename(report.evaluation),
    baseline: report.baseline && rename(report.baseline),
  };
}
