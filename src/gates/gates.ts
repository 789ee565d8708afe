/** Limits that results have to meet. Omitted limits are not checked. */
export interface Gates {
  /** Lowest accuracy over all examples, a fraction. */
  readonly minAccuracy?: number;
  /** Lowest accuracy of single classes, fractions by class name. */
  readonly minDigitAccuracy?: Readonly<Record<string, number>>;
  /** Most accuracy that any single class may lose, in points (1 point = 0.01 of accuracy). */
  readonly maxDigitDrop?: number;
  /** Most accuracy that the other classes together (those that are not targets) may lose, in points. */
  readonly maxOtherDrop?: number;
  /** Least gain in accuracy over all examples, in points; may be negative. */
  readonly minGain?: number;
  /** Whether drops and gains that are not statistically significant count as 0. Default: false. */
  readonly significant?: boolean;
}

/** Whether one gate was met. */
export interface GateResult {
  /** The gate's name in a policy file, such as `max-digit-drop`; with its class for `min-digit-accuracy 3`. */
  readonly gate: string;
  readonly passed: boolean;
  /** One line with the limit and what was measured. */
  readonly message: string;
}
