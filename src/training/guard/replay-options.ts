import { UsageError } from '../../errors.ts';
import { requireFields } from '../arguments.ts';

/** Options of `adaptiveReplay`. */
export interface AdaptiveReplayOptions {
  /** Row numbers of the target classes. */
  readonly rows: Int32Array;
  /** Row numbers of each other class, by label. */
  readonly replayRows: ReadonlyMap<number, Int32Array>;
  /** Fraction of each batch that is drawn from the other classes, in (0, 1). */
  readonly fraction: number;
  readonly batchSize: number;
  readonly seed: number;
  /**
   * Maximum accuracy that a class may lose, as a fraction from 0 to 1. At each check, a class that lost `drop` has its part
   * of the replayed rows multiplied by about e^(drop / maxDrop).
   */
  readonly maxDrop: number;
}

/** @throws UsageError that names the first invalid option */
export function validateReplayOptions(options: AdaptiveReplayOptions): void {
  const advice = 'pass { rows, replayRows, fraction, batchSize, seed, maxDrop }';
  const fields = {
    rows: 'object',
    replayRows: 'object',
    fraction: 'number',
    batchSize: 'whole number',
    seed: 'number',
    maxDrop: 'number',
  } as const;
  requireFields('replay options', options, fields, advice);
  const { rows, replayRows, fraction, batchSize, maxDrop } = options;
  const check = (isValid: boolean, problem: string) => {
    if (!isValid) throw new UsageError('invalid-argument', `replay options: ${problem}`);
  };
  check(fraction > 0 && fraction < 1, `'fraction' is ${fraction}; it must be above 0 and below 1`);
  check(batchSize > 0, `'batchSize' is ${batchSize}; it must be at least 1`);
  check(maxDrop >= 0 && maxDrop <= 1, `'maxDrop' is ${maxDrop}; it must be from 0 to 1`);
  check(rows instanceof Int32Array && rows.length > 0, "'rows' must be an Int32Array with at least one row");
  check(
    replayRows instanceof Map && replayRows.size > 0,
    "'replayRows' must be a Map with at least one class",
  );
  for (const [label, classRows] of replayRows) {
    const isRows = classRows instanceof Int32Array && classRows.length > 0;
    check(isRows, `'replayRows' of class ${label} must be an Int32Array with at least one row`);
  }
}
