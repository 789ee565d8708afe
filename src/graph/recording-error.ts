import { TrainingError } from '../errors.ts';

/**
 * A function cannot be recorded, because a program could not do what it does. It can still be run eagerly.
 * The message is one line that names the layer or op.
 */
export class RecordingError extends TrainingError {
  constructor(message: string, options?: ErrorOptions) {
    super('not-recordable', message, options);
  }
}
