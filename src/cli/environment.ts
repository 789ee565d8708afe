import {
  fallbackNotice,
  type LoadedTensorFlow,
  type LoadOptions,
  loadTensorFlow,
} from '../tensorflow/index.ts';
import type { CliContext } from './context.ts';
import { messageWithHint } from './hints.ts';
import type { Device } from './options/shared.ts';

interface DeviceOptions {
  readonly device: Device;
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
}

/**
 * How to load TensorFlow for a command. If it aborts the process, the user gets one line and an exit code. Notices go to
 * stderr.
 */
export function tensorflowOptions(
  { device, tf32, deterministic }: DeviceOptions,
  { note }: CliContext,
): LoadOptions {
  return {
    device,
    tf32,
    deterministic,
    reportAborts: (error) => `error: ${messageWithHint(error)}`,
    onFallback: ({ device: fallback, error }) => note(fallbackNotice(fallback, messageWithHint(error))),
  };
}

/** Loads TensorFlow for a command. */
export async function useTensorFlow(options: DeviceOptions, context: CliContext): Promise<LoadedTensorFlow> {
  return await loadTensorFlow(tensorflowOptions(options, context));
}
