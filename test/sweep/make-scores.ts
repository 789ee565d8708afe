import { type ConfigurationScore, scoreConfiguration } from '../../src/sweep/index.ts';
import { type TrialRecord, trialRecord } from '../../src/trials/index.ts';

/** A trial with 100 held-out images in each of two classes; class 0 is the target, class 1 another. */
export function trial(
  seed: number,
  targetErrors: number,
  otherErrors: number,
  trainableParameters: number,
): TrialRecord {
  return trialRecord(
    {
      base: 'base',
      data: { train: 'a', heldOut: 'b' },
      device: 'cpu',
      settings: { seed } as never,
      version: '0',
    },
    {
      status: 'complete',
      result: {
        classes: [
          { support: 100, errorsBefore: 20, errorsAfter: targetErrors },
          { support: 100, errorsBefore: 5, errorsAfter: otherErrors },
        ],
        trainableParameters,
        effectiveRank: 1.5,
        engine: 'xla',
        elapsedMs: 1000,
        peakBytes: 1e8,
      },
    },
  );
}

/** Errors of the target and the other class for each seed. */
export function configuration(
  size: number,
  errors: readonly (readonly [number, number])[],
): ConfigurationScore {
  const records = errors.map(([target, other], seed) => trial(seed, target, other, size));
  return scoreConfiguration({ rank: size }, records, [0])!;
}
