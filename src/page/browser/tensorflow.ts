/** What the page uses in place of `src/tensorflow`, which loads native TensorFlow. */

export function hasNativeBackend(): boolean {
  return false;
}

export function runOp(): never {
  throw new Error('native TensorFlow is not available in a browser');
}

export function runOpOutputs(): never {
  return runOp();
}
