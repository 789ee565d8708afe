import { type LoadedTensorFlow, type LoadOptions, loadTensorFlow } from '../tensorflow/index.ts';
import type { CliContext } from './context.ts';
import type { Device } from './options/shared.ts';

interface DeviceOptions {
  readonly device: Device;
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
}

/** How to load TensorFlow for a command. If it aborts the process, the user gets one line and exit code 6. */
export function tensorflowOptions({ device, tf32, deterministic }: DeviceOptions): LoadOptions {
  return { device, tf32, deterministic, explainAborts: true };
}

/** Loads TensorFlow for a command; notices go to stderr. */
export async function useTensorFlow(options: DeviceOptions, context: CliContext): Promise<LoadedTensorFlow> {
  return await loadTensorFlow({ ...tensorflowOptions(options), onNotice: context.note });
}
