import * as tf from '@tensorflow/tfjs';
import { largestBatch } from '../inference/index.ts';
import { takeValues } from '../models/index.ts';

/** What a proof found. */
export interface Check {
  /** Stays the same from version to version. */
  readonly name: string;
  /** What is proven, as a sentence. */
  readonly claim: string;
  /** The measured difference, and the largest one allowed; 0 means bit for bit. Absent where hashes were compared. */
  readonly difference?: number;
  readonly allowed?: number;
  /** `skipped` where the claim has no meaning for this run. */
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was compared, or why it was not. */
  readonly detail: string;
}

/** Outputs of a model, one after the other. */
export type Outputs = readonly Float32Array[];

/** What a model gives for the inputs; tensors it makes are freed. */
export function outputsOf(model: tf.LayersModel, inputs: readonly tf.Tensor[]): Outputs {
  const options = { batchSize: largestBatch(model) };
  const outputs = tf.tidy(() => model.predict(inputs.length === 1 ? inputs[0]! : [...inputs], options));
  return [outputs].flat().map(takeValues);
}

/** The largest difference, relative to the largest magnitude of what is expected; infinite where one is not a number. */
function relativeDifference(values: Outputs, expected: Outputs): number {
  let difference = 0;
  let magnitude = 0;
  for (const [index, wanted] of expected.entries()) {
    const own = values[index]!;
    for (let position = 0; position < wanted.length; position++) {
      const distance = Math.abs(own[position]! - wanted[position]!);
      difference = Math.max(difference, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
      magnitude = Math.max(magnitude, Math.abs(wanted[position]!));
    }
  }
  return difference === 0 ? 0 : difference / (magnitude || 1);
}

/** A claim that outputs are equal bit for bit (`allowed` 0) or to rounding. */
export function compareOutputs(
  claim: Pick<Check, 'name' | 'claim' | 'detail'>,
  values: Outputs,
  expected: Outputs,
  allowed: number,
): Check {
  const difference = relativeDifference(values, expected);
  const equal = allowed > 0 ? difference <= allowed : sameBits(values, expected);
  return { ...claim, difference, allowed, outcome: equal ? 'passed' : 'failed' };
}

/** A claim that two hashes are the same. */
export function compareHashes(claim: Pick<Check, 'name' | 'claim'>, actual: string, expected: string): Check {
  return {
    ...claim,
    outcome: actual === expected ? 'passed' : 'failed',
    detail: actual === expected ? `content ${actual}` : `content ${actual}, expected ${expected}`,
  };
}

/** A claim that was not checked. */
export function skipped(claim: Pick<Check, 'name' | 'claim'>, detail: string): Check {
  return { ...claim, outcome: 'skipped', detail };
}

function sameBits(values: Outputs, expected: Outputs): boolean {
  return expected.every((wanted, index) => {
    const own = values[index]!;
    return (
      Buffer.compare(
        Buffer.from(own.buffer, own.byteOffset, own.byteLength),
        Buffer.from(wanted.buffer, wanted.byteOffset, wanted.byteLength),
      ) === 0
    );
  });
}
