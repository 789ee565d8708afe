import { checkFieldNames, checkList, checkObject } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { checkNewName, requireAdapter } from './adapters.ts';
import { COMBINATION_TYPES, type CombinationType, type Combining } from './combine-factors.ts';
import { checkChoice, checkRank } from './config.ts';
import { MAJORITY_SIGN_METHODS, type MajoritySignMethod } from './merge-tensors.ts';

/** An adapter and its weight in a combination. */
export interface WeightedAdapter {
  readonly name: string;
  /** Factor of the adapter's update. A negative one subtracts it. */
  readonly weight: number;
}

/** Options of `addWeightedAdapter`. */
export interface AddWeightedAdapterOptions {
  /** Name of the new adapter. */
  readonly name: string;
  readonly adapters: readonly WeightedAdapter[];
  /**
   * How to combine the updates:
   *
   * - `cat`: exactly their weighted sum. Its rank is the sum of the ranks.
   * - `svd`: the best approximation of that sum with rank `rank`, padded with zeros above the rank of the sum.
   * - `linear`: adds A to A and B to B, each times the root of the adapter's weight. The result is not the sum of the updates.
   *   Needs equal ranks, as the other types without `svd` below do.
   * - `magnitude_prune`: like `linear`, but sets all but the largest values of each matrix to zero first.
   * - `ties`: prunes in the same way, and averages only the values whose sign has the majority among the adapters (Yadav et
   *   al. 2023, arXiv:2306.01708).
   * - `dare_linear`, `dare_ties`: like `linear` and `ties`, but random values are kept, divided by `density` (Yu et al. 2024,
   *   arXiv:2311.03099).
   * - `ties_svd`, `dare_linear_svd`, `dare_ties_svd`, `magnitude_prune_svd`: merge the updates A·B in the same way instead of A
   *   and B, and approximate the result with rank `rank`. The ranks may differ. Needs memory for the updates, each of the
   *   kernel's size.
   */
  readonly type: CombinationType;
  /** For `svd` and types that end in `_svd`. Default: the largest rank of the adapters. */
  readonly rank?: number;
  /** Fraction of values to keep, for types with `ties`, `dare` or `prune`: above 0, at most 1. */
  readonly density?: number;
  /**
   * How types with `ties` find the sign of the majority: by the sum of the values (`total`, default), or by the number of
   * adapters (`frequency`).
   */
  readonly majoritySignMethod?: MajoritySignMethod;
  /** Chooses the values that types with `dare` keep. Default 0. */
  readonly seed?: number;
}

const OPTIONS: Record<keyof AddWeightedAdapterOptions, true> = {
  name: true,
  adapters: true,
  type: true,
  rank: true,
  density: true,
  majoritySignMethod: true,
  seed: true,
};

/** @throws UsageError if an option is invalid, unknown, or not used by the type */
export function checkWeightedAdapterOptions(model: AdaptableModel, options: AddWeightedAdapterOptions): void {
  checkObject('options', options);
  checkFieldNames('options', options, Object.keys(OPTIONS));
  const { name, adapters, type } = options;
  checkNewName(model, name);
  checkList('adapters', adapters);
  if (adapters.length === 0)
    throw new UsageError('invalid-argument', `adapter '${name}': no adapters to combine; give at least one`);
  for (const adapter of adapters) {
    checkObject('adapter to combine', adapter);
    requireAdapter(model, adapter.name);
    if (!Number.isFinite(adapter.weight))
      throw new UsageError(
        'invalid-argument',
        `weight of adapter '${adapter.name}': must be finite (${adapter.weight})`,
      );
  }
  checkChoice('type', type, Object.keys(COMBINATION_TYPES));
  checkTypeOptions(options);
}

/** Checks the options that only some types have. */
function checkTypeOptions({
  type,
  rank,
  density,
  majoritySignMethod,
  seed,
}: AddWeightedAdapterOptions): void {
  const { svd, merge = {} }: Combining = COMBINATION_TYPES[type];
  const checkUsed = (option: string, value: unknown, isUsed: boolean | undefined) => {
    if (value !== undefined && !isUsed)
      throw new UsageError('invalid-argument', `${option}: not used by type '${type}'; leave it out`);
  };
  if (rank !== undefined && !svd)
    throw new UsageError(
      'invalid-argument',
      `rank: type '${type}' determines it; leave it out, or use a type with 'svd'`,
    );
  if (rank !== undefined) checkRank('rank', rank);
  checkUsed('density', density, merge.pruning !== undefined);
  checkUsed('majoritySignMethod', majoritySignMethod, merge.electsSign);
  checkUsed('seed', seed, merge.pruning === 'random');
  if (merge.pruning && !(typeof density === 'number' && density > 0 && density <= 1))
    throw new UsageError(
      'invalid-argument',
      `density: type '${type}' needs the fraction of values to keep, above 0 and at most 1 (${density})`,
    );
  if (majoritySignMethod !== undefined)
    checkChoice('majoritySignMethod', majoritySignMethod, MAJORITY_SIGN_METHODS);
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw new UsageError('invalid-argument', `seed: must be a whole number (${seed})`);
}
