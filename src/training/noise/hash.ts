import * as tf from '@tensorflow/tfjs';
import { isRecording } from '../../graph/index.ts';
import { runOp } from '../../tensorflow/index.ts';

/** Which random numbers to draw: the same key gives the same numbers on every engine. */
export interface NoiseKey {
  readonly seed: number;
  /** The optimizer step: a number, or an int32 scalar while it is being recorded. */
  readonly step: number | tf.Scalar;
  /** Tells apart the draws of one step. */
  readonly draw: number;
}

const GOLDEN = 0x9e3779b1;
const FIRST = 0x7feb352d;
const SECOND = 0x846ca68b;

/**
 * Numbers in [0, 1), 24 bits each: a hash of (element, step, draw, seed) by the integer mixer `lowbias32`
 * (C. Wellons, "Prospecting for Hash Functions", 2018). Counter-based, so there is no state to store,
 * and plain enough for XLA to melt into whatever uses it.
 */
export function uniformNoise(shape: readonly number[], { seed, step, draw }: NoiseKey): tf.Tensor {
  const size = tf.util.sizeFromShape([...shape]);
  const salt = mix(Math.imul(mix(seed | 0), GOLDEN) + draw);
  return isRecording() && typeof step !== 'number'
    ? uniformOps(shape, size, step, salt)
    : tf.tensor(uniformValues(size, numberOf(step), salt), [...shape]);
}

function numberOf(step: number | tf.Scalar): number {
  return typeof step === 'number' ? step : step.dataSync()[0]!;
}

function uniformValues(size: number, step: number, salt: number): Float32Array {
  const base = mix(Math.imul(step, GOLDEN) + salt);
  return Float32Array.from(
    { length: size },
    (_, index) => (mix(Math.imul(index + 1, GOLDEN) ^ base) >>> 8) * 2 ** -24,
  );
}

function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), FIRST);
  hash = Math.imul(hash ^ (hash >>> 15), SECOND);
  return hash ^ (hash >>> 16);
}

/** The same as ops on int32, whose products wrap as Math.imul does. */
function uniformOps(shape: readonly number[], size: number, step: tf.Scalar, salt: number): tf.Tensor {
  const base = mixOps(tf.add(tf.mul(step, int(GOLDEN)), int(salt)));
  const elements = tf.mul(tf.range(1, size + 1, 1, 'int32'), int(GOLDEN));
  const hash = mixOps(bitwise('BitwiseXor', elements, base));
  return tf.reshape(tf.mul(tf.cast(shiftRight(hash, 8), 'float32'), 2 ** -24), [...shape]);
}

function mixOps(value: tf.Tensor): tf.Tensor {
  const fold = (hash: tf.Tensor, bits: number) => bitwise('BitwiseXor', hash, shiftRight(hash, bits));
  return fold(tf.mul(fold(tf.mul(fold(value, 16), int(FIRST)), 15), int(SECOND)), 16);
}

/** Without the sign: TensorFlow repeats it in the bits that come in from the left. */
function shiftRight(value: tf.Tensor, bits: number): tf.Tensor {
  return bitwise('BitwiseAnd', bitwise('RightShift', value, int(bits)), int(2 ** (32 - bits) - 1));
}

function bitwise(op: string, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return runOp(op, { T: { type: 'int32' } }, [a, b]);
}

const int = (value: number) => tf.scalar(value | 0, 'int32');
