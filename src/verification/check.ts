import * as tf from '@tensorflow/tfjs';
import { takeValues } from '../models/index.ts';
import { predictAll } from './predict.ts';

/** The result of one check of `verify`. */
export interface Check {
  /** An identifier that stays the same between versions: `merged`, `adapter-reload`. */
  readonly name: string;
  /** The property that is checked, as a sentence. */
  readonly claim: string;
  /** The largest measured difference, relative to the largest expected value. Absent if hashes were compared. */
  readonly difference?: number;
  /** The largest difference that passes; 0 means equal bit for bit. Absent if hashes were compared. */
  readonly allowed?: number;
  /** `skipped` if the property does not apply to the model. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was compared, or why the check was skipped. */
  readonly detail: string;
}

/** The claims of checks that do not depend on the adapter, by the checks' names. */
const CLAIMS = {
  content: 'the base has the recorded content hash',
  'base-reload': 'the base model gives the same outputs after saving and loading, bit for bit',
  'adapter-reload': 'the adapter gives the same outputs after saving and loading, bit for bit',
  'strength-zero': 'at strength 0 the model gives the outputs of its base, bit for bit',
  disabled: 'with adapters disabled the model gives the outputs of its base, bit for bit',
  'base-unchanged': 'the base inside the adapted model has the recorded content hash',
  merged: 'the merged model gives the outputs of the adapted model',
  'merged-reload': 'the merged model gives the same outputs after saving and loading, bit for bit',
} as const;

/** Returns the name and claim of a check. */
export function checkNamed(name: keyof typeof CLAIMS): Pick<Check, 'name' | 'claim'> {
  return { name, claim: CLAIMS[name] };
}

/**
 * The largest difference that counts as rounding, relative to the largest output or weight. Merging adds up the same
 * float32 products in another order, which changes about the last two of seven decimal digits.
 */
export const ROUNDING = 1e-5;

/** The outputs of a model as float32 values, row-major, one array for each output. */
export type Outputs = readonly Float32Array[];

/**
 * The outputs of a model for the inputs.
 *
 * @param inputs one tensor [batch, ...] for each input of the model
 */
export function outputsOf(model: tf.LayersModel, inputs: readonly tf.Tensor[]): Outputs {
  return tf.tidy(() => predictAll(model, inputs)).map(takeValues);
}

/**
 * Compares values with the expected ones.
 *
 * @param allowed largest relative difference that passes; 0 requires equality bit for bit
 */
export function compareOutputs(
  check: Pick<Check, 'name' | 'claim' | 'detail'>,
  values: Outputs,
  expected: Outputs,
  allowed: number,
): Check {
  const difference = relativeDifference(values, expected);
  const passed = allowed > 0 ? difference <= allowed : sameBits(values, expected);
  return { ...check, difference, allowed, outcome: passed ? 'passed' : 'failed' };
}

/** Checks that two hashes are equal. */
export function compareHashes(check: Pick<Check, 'name' | 'claim'>, actual: string, expected: string): Check {
  return {
    ...check,
    outcome: actual === expected ? 'passed' : 'failed',
    detail: actual === expected ? `content hash ${actual}` : `content hash ${actual}, expected ${expected}`,
  };
}

/** A check that does not apply. */
export function skipped(check: Pick<Check, 'name' | 'claim'>, reason: string): Check {
  return { ...check, outcome: 'skipped', detail: reason };
}

/** The largest absolute difference, divided by the largest absolute expected value; infinite if a difference is NaN. */
function relativeDifference(values: Outputs, expected: Outputs): number {
  let difference = 0;
  let magnitude = 0;
  for (const [output, expectedValues] of expected.entries()) {
    const actualValues = values[output]!;
    for (let index = 0; index < expectedValues.length; index++) {
      const distance = Math.abs(actualValues[index]! - expectedValues[index]!);
      difference = Math.max(difference, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
      magnitude = Math.max(magnitude, Math.abs(expectedValues[index]!));
    }
  }
  return difference === 0 ? 0 : difference / (magnitude || 1);
}

/** Describes how many examples were compared. */
export function exampleCount(inputs: readonly tf.Tensor[]): string {
  return `${inputs[0]!.shape[0]} examples`;
}

function sameBits(values: Outputs, expected: Outputs): boolean {
  return expected.every(
    (expectedValues, output) => Buffer.compare(bytesOf(values[output]!), bytesOf(expectedValues)) === 0,
  );
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
