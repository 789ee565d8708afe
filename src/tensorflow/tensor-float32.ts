/** Sets whether TensorFlow may compute float32 products in TF32, with 10 bits of mantissa. Returns whether it can be set. */
type Apply = (allowed: boolean) => boolean;

/** Undefined until a native package is loaded that has the setting. */
let apply: Apply | undefined;
let allowedByUser = false;

/** Applies the user's TF32 setting, and keeps it for `withExplicitPrecision`. Returns whether TensorFlow has the setting. */
export function setTensorFloat32(applySetting: Apply, allowed: boolean): boolean {
  apply = applySetting;
  allowedByUser = allowed;
  return apply(allowed);
}

/** Whether products may state their precision: if the user has not allowed TF32, and TensorFlow has the setting. */
export function explicitPrecisionAllowed(): boolean {
  return apply !== undefined && !allowedByUser;
}

/**
 * Runs a graph whose products state their own precision. TF32 is allowed while it runs: otherwise TensorFlow, when it
 * compiles the graph, replaces what the products state by the highest precision, which XLA leaves to cuBLAS.
 */
export function withExplicitPrecision<T>(run: () => T): T {
  if (apply === undefined || allowedByUser) return run();
  apply(true);
  try {
    return run();
  } finally {
    apply(false);
  }
}
