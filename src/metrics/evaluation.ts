/** What a classifier did on a labelled set. Everything else about it can be recomputed from this. */
export interface Evaluation {
  /** Examples evaluated. */
  readonly count: number;
  /** Name of each class, in label order; digits are '0' .. '9'. */
  readonly classNames: readonly string[];
  /** The true class of each example. */
  readonly labels: Uint8Array;
  /** The class with the largest logit; the lowest index wins ties, so an all-zero row reads as class 0. */
  readonly predictions: Uint8Array;
  /** Softmax probability of the prediction, 0..1. */
  readonly confidences: Float32Array;
  /** Mean cross entropy. */
  readonly loss: number;
}
