import { TensorFlowError } from '../errors.ts';

/** What TensorFlow says when it fails, on one line. */
export function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 400);
}

/** What to do about the failures of a device that users can do something about. */
export function remedyFor(line: string): string | undefined {
  if (/RESOURCE_EXHAUSTED|out of memory|OOM when|failed to launch on the GPU/i.test(line)) {
    return 'not enough memory; take a smaller --batch-size, end what else holds the GPU (see nvidia-smi), or use --device cpu';
  }
  if (/CUDA_ERROR_(?!OUT_OF_MEMORY)|device (?:is )?lost|uncorrectable ECC/i.test(line)) {
    return 'the GPU stopped working; look at nvidia-smi, then start again (a stopped run goes on with --resume)';
  }
  return undefined;
}

/** An error of an op, as tfjs-node throws it, that users can do something about; undefined for all others. */
export function deviceError(error: unknown): TensorFlowError | undefined {
  const line = lineOf(error);
  const remedy = line.startsWith('Invalid TF_Status') ? remedyFor(line) : undefined;
  return remedy === undefined ? undefined : new TensorFlowError(`${remedy}: ${line}`, { cause: error });
}
