import { TrainingError } from '../errors.ts';

/** A function does something that a program cannot hold; running it eagerly still works. */
export class RecordingError extends TrainingError {
  constructor(message: string, options?: ErrorOptions) {
    super('not-recordable', message, options);
  }
}
