import { TrainingError } from '../errors.ts';

/** Everything that changes during training, by weight name: enough to resume bit for bit. */
export interface TrainingState {
  /** Number of optimizer steps done. */
  readonly step: number;
  /** The weights that a step may change: trainable weights, and moving averages of BatchNormalization. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** What the optimizer keeps per weight, by `<slot>/<weight name>`, such as `m/linear1/kernel`. */
  readonly slots: ReadonlyMap<string, Float32Array>;
}

/** Returns the name of an optimizer slot in the state. */
export function slotName(slot: string, weight: string): string {
  return `${slot}/${weight}`;
}

/** Returns the name of the first weight that contains NaN or an infinity; undefined if all are finite. */
export function findNonFiniteWeight({ weights }: TrainingState): string | undefined {
  return [...weights].find(([, values]) => !values.every(Number.isFinite))?.[0];
}

/**
 * Returns the values of one weight or slot from a state.
 *
 * @throws TrainingError if the state has none of that name, or another number of values
 */
export function stateValues(
  entries: ReadonlyMap<string, Float32Array>,
  name: string,
  size: number,
): Float32Array {
  const values = entries.get(name);
  if (values?.length === size) return values;
  throw new TrainingError(
    'training-failed',
    `the state has ${values?.length ?? 'no'} values of '${name}', the task needs ${size}; ` +
      'the state belongs to another task',
  );
}
