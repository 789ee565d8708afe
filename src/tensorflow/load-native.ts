import { existsSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TensorFlowError } from '../errors.ts';
import { type NativeDevice, type NativePackage, PRELOAD, setupCommand } from './native-package.ts';
import { restoreNodeUtil } from './node-shim.ts';
import { setTensorFloat32 } from './tensor-float32.ts';

const require = createRequire(import.meta.url);
const STDERR = 2;

/**
 * Loads a native package, which makes itself the backend of tfjs. Flags must be in the environment by now.
 *
 * @param options.tf32 whether float32 products may be computed in TF32 where the device can
 * @param options.explainAborts whether a line and an exit code of ours are to follow what TensorFlow says when it aborts
 *   the process
 * @throws TensorFlowError when it does not load
 */
export function loadNativePackage(
  { name, addon, device }: NativePackage,
  { tf32 = false, explainAborts = false }: { tf32?: boolean; explainAborts?: boolean } = {},
): void {
  restoreNodeUtil();
  try {
    const helper = loadHelper(join(dirname(addon), PRELOAD));
    if (helper) {
      preload(helper, tf32);
      if (explainAborts) {
        const { message, exitCode } = new TensorFlowError('tensorflow-failed', abortReason(device));
        helper.explainAborts(`error: ${message}\n`, exitCode);
      }
    }
    require(name);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new TensorFlowError(
      'tensorflow-failed',
      `${name} does not load (${reason}); run ${setupCommand(device)} again`,
      {
        cause: error,
      },
    );
  }
}

interface Preload {
  preload(): string;
  allowTensorFloat32(allowed: boolean): boolean;
  explainAborts(text: string, exitCode: number): void;
}

/** What TensorFlow says on stderr while its libraries load, before it heeds TF_CPP_MIN_LOG_LEVEL. */
const chatter = /^WARNING: All log messages before absl::InitializeLog|oneDNN custom operations are on/;

/** Undefined where another installer than ours made the addon. */
function loadHelper(path: string): Preload | undefined {
  return existsSync(path) ? (require(path) as Preload) : undefined;
}

const abortReason = (device: NativeDevice) =>
  device === 'cuda'
    ? 'TensorFlow ended the process, as it does when a GPU stops working; look at nvidia-smi, then start again (training goes on from its last checkpoint with --resume)'
    : 'TensorFlow ended the process for the reason above';

/** Loads TensorFlow's libraries while stderr is held back, and passes on what matters. */
function preload(tensorflow: Preload, tf32: boolean): void {
  const lines = tensorflow.preload().split('\n');
  setTensorFloat32(tensorflow.allowTensorFloat32, tf32);
  const rest = lines.filter((line) => line !== '' && !chatter.test(line));
  if (rest.length > 0) writeSync(STDERR, `${rest.join('\n')}\n`);
}
