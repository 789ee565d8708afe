/**
 * What kind of failure an error is, for programs. Codes are stable; messages are for people and may be reworded.
 * The general code of a class is used where callers have no reason to tell its cases apart.
 */
export type ErrorCode =
  // files, in any class
  | 'file-not-found'
  | 'file-unreadable'
  | 'file-unwritable'
  // UsageError
  | 'invalid-argument'
  | 'peft-incompatible'
  | 'already-exists'
  | 'folder-not-empty'
  | 'rank-too-large'
  | 'unknown-class'
  | 'not-a-run'
  | 'unfinished-run'
  | 'run-in-use'
  | 'resume-conflict'
  | 'other-data'
  | 'nothing-to-resume'
  | 'training-complete'
  | 'warmup-too-long'
  | 'validation-unused'
  | 'validation-empty'
  | 'no-other-classes'
  | 'adapter-exists'
  | 'no-adapter'
  | 'unknown-class'
  | 'no-baseline'
  | 'too-many-trials'
  // DataError
  | 'invalid-data'
  | 'data-not-found'
  | 'data-changed'
  // CheckpointError
  | 'invalid-checkpoint'
  | 'no-report'
  | 'not-comparable'
  | 'unknown-architecture'
  | 'prefixed-names'
  | 'base-mismatch'
  | 'base-changed'
  | 'base-not-stored'
  // TrainingError
  | 'training-failed'
  | 'diverged'
  | 'not-recordable'
  // TensorFlowError
  | 'tensorflow-failed'
  | 'setup-failed'
  | 'platform-unsupported'
  | 'compiler-missing'
  | 'pip-missing'
  | 'download-failed'
  | 'cache-full'
  | 'cpu-not-set-up'
  | 'cuda-not-set-up'
  | 'native-backend-required'
  | 'damaged-cache'
  | 'cuda-unavailable'
  | 'gpu-memory-full'
  | 'out-of-memory'
  | 'device-lost'
  // QueueError
  | 'queue-unavailable'
  | 'queue-failed'
  | 'queue-refused'
  | 'sweep-cancelled'
  // GateError
  | 'gate-failed';

/**
 * An error whose cause is outside this program: the user can fix it. Anything that is not an `AppError` is a bug
 * and keeps its stack.
 *
 * The message is one line, `<thing>: <what is wrong> (<value>); <what to do>`. It does not mention command-line
 * options: the library has none, and the command line adds that hint from the `code`.
 */
export abstract class AppError extends Error {
  abstract readonly exitCode: number;
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An argument, option or configuration is invalid. */
export class UsageError extends AppError {
  readonly exitCode = 2;
}

/** A data file is missing, damaged or of another format. */
export class DataError extends AppError {
  readonly exitCode = 3;
}

/** A run folder, saved model or adapter is missing, damaged or does not fit the model. */
export class CheckpointError extends AppError {
  readonly exitCode = 4;
}

/** Training failed: the loss is not finite, or the step cannot be run. */
export class TrainingError extends AppError {
  readonly exitCode = 5;
}

/** TensorFlow, a device or a library it needs is missing or failed. */
export class TensorFlowError extends AppError {
  readonly exitCode = 6;
}

/** The queue of a sweep cannot be reached or used. */
export class QueueError extends AppError {
  readonly exitCode = 7;
}

/** A gate on the results was not met. The results themselves are complete. */
export class GateError extends AppError {
  readonly exitCode = 10;
}
