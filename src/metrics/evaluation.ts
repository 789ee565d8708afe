/** The predictions of a classifier on labelled examples. All metrics are computed from these. */
export interface Evaluation {
  /** Number of examples. */
  readonly count: number;
  /** Name of each class, in label order; digits are '0' to '9'. */
  readonly classNames: readonly string[];
  /** `dataHash` of the evaluated images and labels. Absent if unknown, such as in reports of older versions. */
  readonly dataHash?: string;
  /** The true label of each example. */
  readonly labels: Uint8Array;
  /** The label with the largest logit of each example; of equal logits the lowest label. */
  readonly predictions: Uint8Array;
  /** Softmax probability of each prediction, 0 to 1. */
  readonly confidences: Float32Array;
  /** Mean cross entropy over the examples. */
  readonly loss: number;
}
