import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PRELOAD, setupCommand } from './native-package.ts';

/** Loads TensorFlow as `loadNativePackage` does and makes it look for devices. */
const LOOK_FOR_DEVICES = `
  const [helper, addon] = process.argv.slice(1);
  if (require('node:fs').existsSync(helper)) require(helper).preload();
  require(addon).isUsingGpuDevice();`;

/** What keeps TensorFlow from using a card, by its own account, a line each; it is loaded in a process of its own. */
export function cudaObstacles(addon: string | undefined): string[] {
  if (addon === undefined || !existsSync(addon)) return [];
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'dso_loader=1' };
  const args = ['-e', LOOK_FOR_DEVICES, join(dirname(addon), PRELOAD), addon];
  const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env, timeout: 60_000 });
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
