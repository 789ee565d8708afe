/**
 * Errors whose cause is outside this program. Each class says who must act and which exit code a shell
 * sees; everything that is not an `AppError` is a bug and keeps its stack.
 *
 * A message is one line: the thing, its value, the bound, the next step.
 */
export abstract class AppError extends Error {
  abstract readonly exitCode: number;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The command line, an option or a configuration is wrong. */
export class UsageError extends AppError {
  readonly exitCode = 2;
}

/** A data file is missing, damaged or not what it claims to be. */
export class DataError extends AppError {
  readonly exitCode = 3;
}

/** A run folder, a saved model or an adapter is missing, damaged or does not fit. */
export class CheckpointError extends AppError {
  readonly exitCode = 4;
}

/** Training cannot go on: the loss is not finite, or the step cannot be run. */
export class TrainingError extends AppError {
  readonly exitCode = 5;
}

/** TensorFlow, a device or a library of theirs is missing or broken. */
export class TensorFlowError extends AppError {
  readonly exitCode = 6;
}

/** A gate on the results was not met; the results themselves are complete. */
export class GateError extends AppError {
  readonly exitCode = 10;
}
