import type { NativePackage } from '../setup/index.ts';
import { setTensorFlowFlags, type TensorFlowFlags } from './flags.ts';
import { compilerSettings, useXlaCache, xlaCacheFolder } from './xla-cache.ts';

/**
 * Sets the variables that TensorFlow reads while it loads, except those that the user has set. A second call with the
 * same flags changes nothing.
 *
 * @returns see `setTensorFlowFlags`
 */
export async function setTensorFlowEnvironment(
  { device, marker }: Pick<NativePackage, 'device' | 'marker'>,
  flags: TensorFlowFlags,
): Promise<string[]> {
  const notices = setTensorFlowFlags(flags);
  const settings = compilerSettings(device, { tf32: flags.cuda?.tf32 ?? false });
  await useXlaCache(xlaCacheFolder(device, marker?.tensorflow ?? 'unknown', settings));
  return notices;
}
