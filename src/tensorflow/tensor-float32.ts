/** Tells TensorFlow whether float32 products may be computed in TF32. */
type Tell = (allowed: boolean) => void;

let tell: Tell | undefined;
let allowedByUser = false;

/** Keeps how TensorFlow is told and what the user allowed, and tells it so. */
export function setTensorFloat32(own: Tell, allowed: boolean): void {
  tell = own;
  allowedByUser = allowed;
  tell(allowed);
}

/** Whether products may say by themselves how precise they have to be: where TF32 is off, and TensorFlow can be told. */
export function explicitPrecisionAllowed(): boolean {
  return tell !== undefined && !allowedByUser;
}

/**
 * Runs a graph in which each product says how precise it has to be. While TensorFlow compiles with TF32 off, it puts
 * the highest precision in place of what products say, and XLA leaves those to cuBLAS.
 */
export function withExplicitPrecision<T>(run: () => T): T {
  if (!explicitPrecisionAllowed()) return run();
  tell!(true);
  try {
    return run();
  } finally {
    tell!(false);
  }
}
