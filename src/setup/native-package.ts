import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TensorFlowError } from '../errors.ts';
import { platformProblem } from './platform.ts';

/** The folder of tfjs-lora: packages are looked up from here, as Node does. */
export const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Devices that native TensorFlow has a package for. */
export type NativeDevice = 'cpu' | 'cuda';

const VERSION = '4.22.0';
const names = { cpu: '@tensorflow/tfjs-node', cuda: '@tensorflow/tfjs-node-gpu' } as const;

/** The files that set-up puts where the native package looks for its addon. */
export const addonFiles = {
  /** tfjs-node's addon, compiled against TensorFlow 2.21. */
  addon: 'tfjs_binding.node',
  /** A second addon, made from tensorflow-preload.cc. */
  preload: 'tensorflow_preload.node',
  /** An `AddonMarker` as JSON. */
  marker: 'tfjs-lora.json',
} as const;

/** The two addons. */
export const addonNames = [addonFiles.preload, addonFiles.addon];

/** What set-up records about the addon that it installed. */
export interface AddonMarker {
  /** Version of the TensorFlow that the addon was compiled against. */
  readonly tensorflow: string;
  /** Folder of TensorFlow's shared libraries. */
  readonly libraries: string;
  /** Folder of the CUDA tools that XLA needs; CUDA only. */
  readonly cuda?: string;
  /** Hash of everything that the addon was made from. */
  readonly key: string;
  /** Bytes of the addons, by file name. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** An installed native package of TensorFlow.js. */
export interface NativePackage {
  readonly device: NativeDevice;
  readonly name: string;
  readonly folder: string;
  readonly version: string;
  /** Folder of the addon, which need not exist. */
  readonly addonFolder: string;
  /** Path of the addon, which need not exist. */
  readonly addon: string;
  /** Undefined if another program than this set-up installed an addon. */
  readonly marker?: AddonMarker;
}

/**
 * The installed native package for a device, or undefined if there is none.
 *
 * @param root folder from which npm packages are looked up
 */
export function findNativePackage(device: NativeDevice, root = packageRoot): NativePackage | undefined {
  const name = names[device];
  const folder = packageFolder(name, root);
  if (folder === undefined) return undefined;
  const addonFolder = join(folder, 'lib', 'napi-v8');
  return {
    device,
    name,
    folder,
    version: readJson<{ version: string }>(join(folder, 'package.json'))?.version ?? 'unknown',
    addonFolder,
    addon: join(addonFolder, addonFiles.addon),
    marker: readMarker(addonFolder),
  };
}

/** Returns what set-up recorded, unless another program has replaced an addon since. */
function readMarker(addonFolder: string): AddonMarker | undefined {
  const marker = readJson<AddonMarker>(join(addonFolder, addonFiles.marker));
  const isOurs = addonNames.every((name) => marker?.sizes?.[name] === fileSize(join(addonFolder, name)));
  return isOurs ? marker : undefined;
}

/** What is installed for a device. */
export interface NativeState {
  readonly nativePackage?: NativePackage;
  /** What set-up has to do before the package can be loaded; undefined if nothing. */
  readonly problem?: TensorFlowError;
}

/** Checks, without loading it, whether the native package for a device is complete. */
export function nativeState(device: NativeDevice): NativeState {
  const nativePackage = findNativePackage(device);
  if (!nativePackage) return { problem: platformUnsupported() ?? packageMissing(device) };
  const { name, addon, folder, marker } = nativePackage;
  const copies = differentTfjs(folder);
  if (copies) {
    const [ours, theirs] = copies;
    return {
      nativePackage,
      problem: notSetUp(
        device,
        `${name} uses @tensorflow/tfjs ${theirs.version} (${theirs.folder}), tfjs-lora ${ours.version} (${ours.folder}); install one version with 'npm install @tensorflow/tfjs@${VERSION}'`,
      ),
    };
  }
  if (!existsSync(addon)) {
    const problem = platformUnsupported() ?? notSetUp(device, `${name}: its addon is not built`);
    return { nativePackage, problem };
  }
  if (marker && !existsSync(marker.libraries)) {
    return {
      nativePackage,
      problem: notSetUp(device, `${marker.libraries}: TensorFlow's libraries are gone`),
    };
  }
  return { nativePackage };
}

/**
 * Names the copies of tfjs if a project has another one than the tfjs-lora that it uses. Models of one copy are not
 * LayersModels for the other.
 *
 * @param project its folder, or one in it
 */
export function secondTfjs(project: string): string | undefined {
  const own = packageFolder('tfjs-lora', project);
  if (own === undefined || realpathSync(own) !== realpathSync(packageRoot)) return undefined;
  const [ours, theirs] = [packageRoot, project].map(tfjsOf);
  if (!ours || !theirs || ours.folder === theirs.folder) return undefined;
  return `two copies of @tensorflow/tfjs: this project uses ${theirs.version} (${theirs.folder}), tfjs-lora ${ours.version} (${ours.folder}); install one copy of version ${VERSION}`;
}

interface TfjsCopy {
  readonly folder: string;
  readonly version: string;
}

/** Returns the tfjs of tfjs-lora and that of a native package if their versions differ. */
function differentTfjs(nativeFolder: string): readonly [ours: TfjsCopy, theirs: TfjsCopy] | undefined {
  const [ours, theirs] = [packageRoot, nativeFolder].map(tfjsOf);
  return ours && theirs && ours.version !== theirs.version ? [ours, theirs] : undefined;
}

function tfjsOf(root: string): TfjsCopy | undefined {
  const folder = packageFolder('@tensorflow/tfjs', root);
  if (folder === undefined) return undefined;
  return { folder, version: readJson<{ version: string }>(join(folder, 'package.json'))!.version };
}

/** The error for a platform on which set-up cannot help; undefined if it can. */
export function platformUnsupported(): TensorFlowError | undefined {
  const problem = platformProblem();
  return problem === undefined ? undefined : new TensorFlowError('platform-unsupported', problem);
}

/** The error for a device whose npm package is not installed. */
export function packageMissing(device: NativeDevice): TensorFlowError {
  const name = names[device];
  return notSetUp(
    device,
    `${name} is not installed; install it with 'npm install --ignore-scripts ${name}@${VERSION}'`,
  );
}

/** An error that setting up the device fixes. */
export function notSetUp(device: NativeDevice, message: string, options?: ErrorOptions): TensorFlowError {
  return new TensorFlowError(device === 'cuda' ? 'cuda-not-set-up' : 'cpu-not-set-up', message, options);
}

/** The folder of an npm package as seen from `root`, or undefined if it is not installed. */
export function packageFolder(name: string, root: string): string | undefined {
  try {
    return dirname(createRequire(join(root, 'package.json')).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** Bytes of a file; undefined if it does not exist. */
export function fileSize(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
