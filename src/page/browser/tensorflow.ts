/** What browsers get in place of `src/tensorflow`, which loads native TensorFlow. */
import { TensorFlowError } from '../../errors.ts';

/** Never created here. The library tests whether an error is one. */
export class DamagedCacheError extends TensorFlowError {}
export class DeviceError extends TensorFlowError {}

export function hasNativeBackend(): boolean {
  return false;
}

export function explicitPrecisionAllowed(): boolean {
  return false;
}

/** @throws TensorFlowError always; the engines that need native TensorFlow then fall back to eager */
export function nativeBackend(): never {
  throw new TensorFlowError('tensorflow-failed', 'native TensorFlow is not available in a browser');
}

export function runOp(): never {
  return nativeBackend();
}

export function runOpOutputs(): never {
  return nativeBackend();
}
