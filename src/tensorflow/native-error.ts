import { TensorFlowError } from '../errors.ts';

/** A device ran out of memory or stopped working: nothing that another way to compute would help. */
export class DeviceError extends TensorFlowError {
  constructor(message: string, options?: ErrorOptions) {
    super('device-failed', message, options);
  }
}

/** What TensorFlow says when it fails, on one line. */
export function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 400);
}

/** What to do about the failures of a device that users can do something about. */
function remedyFor(line: string): string | undefined {
  if (/RESOURCE_EXHAUSTED|TF_Status: 8\b|out of memory|OOM when|failed to launch on the GPU/i.test(line)) {
    return 'not enough memory; take a smaller --batch-size, end what else holds the GPU (see nvidia-smi), or use --device cpu';
  }
  if (/CUDA_ERROR_(?!OUT_OF_MEMORY)|device (?:is )?lost|uncorrectable ECC/i.test(line)) {
    return 'the GPU stopped working; look at nvidia-smi, then start again (training goes on from its last checkpoint with --resume)';
  }
  return undefined;
}

/** What went wrong with the device, if it was that, from an error of a session or an op as the addon throws it. */
export function deviceError(error: unknown): DeviceError | undefined {
  const line = lineOf(error);
  const remedy = remedyFor(line);
  return remedy === undefined ? undefined : new DeviceError(`${remedy}: ${line}`, { cause: error });
}

/** As `deviceError`, for errors that may come from anywhere: only those of ops count. */
export function deviceErrorOfOp(error: unknown): DeviceError | undefined {
  return lineOf(error).startsWith('Invalid TF_Status') ? deviceError(error) : undefined;
}
