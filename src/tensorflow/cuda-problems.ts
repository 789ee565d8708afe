import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PRELOAD, setupCommand } from './native-package.ts';

/** A program that loads TensorFlow as `loadNativePackage` does and makes it look for devices. */
function lookingForDevices(helper: string, addon: string): string {
  const preload = existsSync(helper) ? `require(${JSON.stringify(helper)}).preload();` : '';
  return `${preload} require(${JSON.stringify(addon)}).isUsingGpuDevice();`;
}

/** What keeps TensorFlow from using a card, by its own account, a line each; it is loaded in a process of its own. */
export function cudaProblems(addon: string | undefined): string[] {
  if (addon === undefined || !existsSync(addon)) return [];
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'dso_loader=1' };
  const program = lookingForDevices(join(dirname(addon), PRELOAD), addon);
  const { stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', env, timeout: 60_000 });
  return parseObstacles(stderr ?? '');
}

/** Reads what TensorFlow writes while it looks for devices. */
export function parseObstacles(log: string): string[] {
  const unloaded = log.matchAll(
    /Could not load dynamic library '(.+?)'; dlerror: (.+?)(?:; LD_LIBRARY_PATH.*)?$/gm,
  );
  const refusals = log.matchAll(/failed call to cuInit: (.+)$/gm);
  return [
    ...[...unloaded].map(([, name, reason]) =>
      name === 'libcuda.so.1'
        ? `TensorFlow cannot load the driver's library (${reason})`
        : `TensorFlow cannot load ${name} (${reason}); run ${setupCommand('cuda')}`,
    ),
    ...[...refusals].map(([, reason]) => `the driver does not start (${reason})`),
  ];
}
