import * as tf from '@tensorflow/tfjs';
import { type AppError, TensorFlowError } from '../../../errors.ts';
import { compileFunction } from '../../../graph/index.ts';
import { nativeState } from '../../../setup/index.ts';
import { type DeviceName, type LoadedTensorFlow, loadTensorFlow } from '../../../tensorflow/index.ts';
import { messageWithHint } from '../../hints.ts';
import type { DoctorDocument } from './document.ts';

/** Whether a device or engine works. */
export type Trial = DoctorDocument['devices'][number];

/**
 * Tries the devices that this process can load. A process can load only one native device, so the other one counts as
 * working if it is set up.
 *
 * @param requested the device of `--device`
 * @param failure the error, if it could not be loaded
 */
export async function tryDevices(
  requested: DeviceName,
  loaded: LoadedTensorFlow,
  failure: TensorFlowError | undefined,
): Promise<Trial[]> {
  const native = (['cpu', 'cuda'] as const).map((name): Trial => {
    if (loaded.device === name) return { name, works: true, detail: `TensorFlow ${loaded.version}` };
    const { nativePackage, problem } = nativeState(name);
    const reason = requested === name ? (failure ?? problem) : problem;
    if (reason) return { name, works: false, detail: describeProblem(reason) };
    return {
      name,
      works: true,
      detail: `${nativePackage?.name} is set up; 'doctor --device ${name}' tries it`,
    };
  });
  return [...native, await tryPortable('wasm'), await tryPortable('js')];
}

/** The message of a problem with the option or command that fixes it, unless that is `doctor` itself. */
export function describeProblem(problem: Pick<AppError, 'code' | 'message'>): string {
  return problem.code === 'cuda-unavailable' ? problem.message : messageWithHint(problem);
}

async function tryPortable(name: 'wasm' | 'js'): Promise<Trial> {
  try {
    await loadTensorFlow({ device: name });
    checkProduct(tf.matMul);
    return {
      name,
      works: true,
      detail: name === 'wasm' ? 'WebAssembly, one thread' : 'plain JavaScript, slow',
    };
  } catch (error) {
    return { name, works: false, detail: firstLine(error) };
  }
}

/** Multiplies two small matrices with each engine. */
export function tryEngines({ version }: LoadedTensorFlow): Trial[] {
  const compiled = (['graph', 'xla'] as const).map((name): Trial => {
    if (version === undefined) return { name, works: false, detail: 'needs native TensorFlow' };
    return tryEngine(name, () => {
      const multiply = compileFunction((left, right) => tf.matMul(left!, right!), { jit: name === 'xla' });
      try {
        checkProduct(multiply);
      } finally {
        multiply.dispose();
      }
    });
  });
  return [tryEngine('eager', () => checkProduct(tf.matMul)), ...compiled];
}

function tryEngine(name: string, trial: () => void): Trial {
  const start = performance.now();
  try {
    trial();
    return { name, works: true, detail: `tried in ${Math.round(performance.now() - start)} ms` };
  } catch (error) {
    return { name, works: false, detail: firstLine(error) };
  }
}

/**
 * Multiplies [[1, 2], [3, 4]] by itself.
 *
 * @param multiply takes and returns tensors [2, 2] float32
 * @throws TensorFlowError if the result is not [[7, 10], [15, 22]]
 */
function checkProduct(multiply: (left: tf.Tensor2D, right: tf.Tensor2D) => tf.Tensor): void {
  const values = tf.tidy(() => {
    const matrix = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    return [...multiply(matrix, matrix).dataSync()];
  });
  if (values.join() !== '7,10,15,22')
    throw new TensorFlowError('tensorflow-failed', `a matrix product is wrong: ${values.join()}`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
