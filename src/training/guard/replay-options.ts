import { UsageError } from '../../errors.ts';
import { requireFields } from '../arguments.ts';

/** Options of `adaptiveReplay`. */
export interface AdaptiveReplayOptions {
  /** Rows of the target classes. */
  readonly rows: Int32Array;
  /** Rows of each other class, by label. */
  readonly replayRows: ReadonlyMap<number, Int32Array>;
  /** Share of each batch that is taken from the other classes, in (0, 1). */
  readonly share: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Maximum accuracy that a class may lose, as a fraction. Weights depend on drop / maxDrop. */
  readonly maxDrop: number;
}

/** @throws UsageError that names the option that is invalid */
export function validateOptions(options: AdaptiveReplayOptions): void {
  const advice = 'pass { rows, replayRows, share, batchSize, seed, maxDrop }';
  const fields = {
    rows: 'object',
    replayRows: 'object',
    share: 'number',
    batchSize: 'whole number',
    seed: 'number',
    maxDrop: 'number',
  } as const;
  requireFields('replay options', options, fields, advice);
  const { rows, replayRows, share, batchSize, maxDrop } = options;
  const check = (isValid: boolean, problem: string) => {
    if (!isValid) throw new UsageError('invalid-argument', `replay options: ${problem}`);
  };
  check(share > 0 && share < 1, `'share' is ${share}; it must be above 0 and below 1`);
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

/** @throws UsageError if `value` is not a whole number of at least 0 */
export function requireWholeNumber(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new UsageError('invalid-argument', `${what} ${value}: must be a whole number of at least 0`);
}
