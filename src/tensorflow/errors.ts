import { TensorFlowError } from '../errors.ts';

/** The device ran out of memory or stopped working. Another engine on the same device would fail as well. */
export class DeviceError extends TensorFlowError {
  constructor(code: 'out-of-memory' | 'device-lost', message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The message of any error of TensorFlow on one line, at most 400 characters long. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 400);
}

/** A `DeviceError` if that is what made a session or an op fail, else undefined. */
export function deviceError(error: unknown): DeviceError | undefined {
  const line = oneLine(error);
  if (/RESOURCE_EXHAUSTED|TF_Status: 8\b|out of memory|OOM when|failed to launch on the GPU/i.test(line)) {
    return new DeviceError('out-of-memory', `not enough memory on the device (${line})`, { cause: error });
  }
  if (/CUDA_ERROR_(?!OUT_OF_MEMORY)|device (?:is )?lost|uncorrectable ECC/i.test(line)) {
    const message = `the GPU stopped working (${line}); see nvidia-smi, then start again`;
    return new DeviceError('device-lost', message, { cause: error });
  }
  return undefined;
}

/** As `deviceError`, for errors of any origin: only those that an op has thrown are looked at. */
export function deviceErrorOfOp(error: unknown): DeviceError | undefined {
  return oneLine(error).startsWith('Invalid TF_Status') ? deviceError(error) : undefined;
}
