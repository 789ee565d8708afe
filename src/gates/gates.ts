/** Bounds that results must keep; those left out are not checked. Accuracies are fractions. */
export interface Gates {
  /** Lowest total accuracy. */
  readonly minAccuracy?: number;
  /** Lowest accuracy of a class, by its name. */
  readonly minDigitAccuracy?: Readonly<Record<string, number>>;
  /** Largest drop of any one class, in points (1 point = 0.01 of accuracy). */
  readonly maxDigitDrop?: number;
  /** Largest drop of the classes that are not targets, taken together, in points. */
  readonly maxOtherDrop?: number;
  /** Least gain of total accuracy, in points. */
  readonly minGain?: number;
  /** Count only changes beyond noise: a drop that may be chance is none, and so is a gain. */
  readonly significant?: boolean;
}

/** Whether one gate was met. */
export interface GateResult {
  /** The gate as a flag without dashes, such as `max-digit-drop`; `min-digit-accuracy 3` names its class. */
  readonly gate: string;
  readonly passed: boolean;
  /** One line: what was measured, and the bound. */
  readonly message: string;
}
