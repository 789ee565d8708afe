import { TensorFlowError, TrainingError } from '../errors.ts';

/**
 * Runs ops of tfjs, and explains its errors about ops that the backend or tfjs itself lacks.
 *
 * @throws TensorFlowError if the backend has no kernel for an op
 * @throws TrainingError if an op has no gradient
 */
export function withKernelErrors<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const [, kernel, backend] =
      /(?:^K|registered k)ernel '(\w+)' (?:not registered )?for backend '(\w+)'/.exec(message) ?? [];
    if (kernel !== undefined) {
      throw new TensorFlowError(
        'tensorflow-failed',
        `op '${kernel}' of the model: tfjs' backend '${backend}' has no kernel for it; use native TensorFlow, or plain JavaScript (js)`,
        { cause: error },
      );
    }
    const [, op] = /gradient function not found for (\w+)/.exec(message) ?? [];
    if (op === undefined) throw error;
    throw new TrainingError(
      'training-failed',
      `op '${op}' of the model or the loss: tfjs has no gradient for it; freeze the layers before it, or replace it`,
      { cause: error },
    );
  }
}
