import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TensorFlowError } from '../errors.ts';

const require = createRequire(import.meta.url);
/** Beside the addon: what loads TensorFlow's libraries, scripts/setup/tensorflow-preload.cc. */
export const PRELOAD = 'tensorflow_preload.node';

/** Devices with a native package of their own. */
export type NativeDevice = 'cpu' | 'cuda';

const packages = { cpu: '@tensorflow/tfjs-node', cuda: '@tensorflow/tfjs-node-gpu' } as const;

/** A native package of TensorFlow.js and what set-up wrote beside its addon. */
export interface NativePackage {
  readonly device: NativeDevice;
  readonly name: string;
  readonly folder: string;
  readonly version: string;
  /** The compiled addon, whether it is there or not. */
  readonly addon: string;
  /** Undefined where another installer than ours made the addon. */
  readonly marker?: AddonMarker;
}

/** `tfjs-lora.json` beside the addon, written by set-up. */
export interface AddonMarker {
  /** Version of the TensorFlow that the addon was compiled against. */
  readonly tensorflow: string;
  /** Folder of TensorFlow's shared libraries. */
  readonly libraries: string;
  /** Folder of the CUDA tools that XLA needs; CUDA only. */
  readonly cuda?: string;
}

/** The command that makes a device work, in quotes. */
export function setupCommand(device: NativeDevice): string {
  return device === 'cpu' ? "'npx tfjs-lora setup'" : "'npx tfjs-lora setup --device cuda'";
}

/** What is installed for `device`, or undefined where the npm package is not there. */
export function findNativePackage(device: NativeDevice): NativePackage | undefined {
  let manifest: string;
  try {
    manifest = require.resolve(`${packages[device]}/package.json`);
  } catch {
    return undefined;
  }
  const folder = dirname(manifest);
  const built = join(folder, 'lib', 'napi-v8');
  return {
    device,
    name: packages[device],
    folder,
    version: readJson<{ version: string }>(manifest)?.version ?? 'unknown',
    addon: join(built, 'tfjs_binding.node'),
    marker: readJson(join(built, 'tfjs-lora.json')),
  };
}

/**
 * The native package for `device`, ready to load.
 *
 * @throws TensorFlowError when the package or its addon is missing
 */
export function builtNativePackage(device: NativeDevice): NativePackage {
  const found = findNativePackage(device);
  if (!found) {
    const name = packages[device];
    throw new TensorFlowError(
      'tensorflow-failed',
      `${name} is not installed; run 'npm install --ignore-scripts ${name}@4.22.0', then ${setupCommand(device)}`,
    );
  }
  if (!existsSync(found.addon)) {
    throw new TensorFlowError(
      'tensorflow-failed',
      `the native addon of ${found.name} is not built; run ${setupCommand(device)}`,
    );
  }
  return found;
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
