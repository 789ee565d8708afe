import * as tf from '@tensorflow/tfjs';
import { type AppError, TensorFlowError } from '../../../errors.ts';
import { compileFunction } from '../../../graph/index.ts';
import { nativeState } from '../../../setup/index.ts';
import { type DeviceName, type LoadedTensorFlow, loadTensorFlow } from '../../../tensorflow/index.ts';
import { messageWithHint } from '../../hints.ts';
import type { DoctorDocument } from './document.ts';

/** What came of trying a device or an engine. */
export type Trial = DoctorDocument['devices'][number];

/** Tries each device that this process can take in turn; of a native one that did not load, says why. */
export async function tryDevices(
  asked: DeviceName,
  loaded: LoadedTensorFlow,
  failure: TensorFlowError | undefined,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const name of ['cpu', 'cuda'] as const) {
    const { nativePackage, problem } = nativeState(name);
    const tried = loaded.device === name ? `TensorFlow ${loaded.version}` : undefined;
    const failed = asked === name ? (failure ?? problem) : problem;
    const wrong = failed && describeProblem(failed);
    const detail = tried ?? wrong ?? `${nativePackage?.name} is there; 'doctor --device ${name}' tries it`;
    trials.push({ name, works: tried !== undefined || wrong === undefined, detail });
  }
  for (const name of ['wasm', 'js'] as const)
    trials.push({ name, ...(await attempt(() => tryPortable(name))) });
  return trials;
}

/** The message with the option or command that helps, unless that is `doctor` itself. */
export function describeProblem(problem: Pick<AppError, 'code' | 'message'>): string {
  return problem.code === 'cuda-unavailable' ? problem.message : messageWithHint(problem);
}

async function tryPortable(name: 'wasm' | 'js'): Promise<string> {
  await loadTensorFlow({ device: name });
  checkProduct((left, right) => tf.matMul(left, right));
  return name === 'wasm' ? 'WebAssembly, one thread' : 'plain JavaScript, slow';
}

/** Multiplies two small matrices with each engine. */
export function tryEngines(loaded: LoadedTensorFlow): Trial[] {
  const eager = {
    name: 'eager',
    ...attemptSync(() => checkProduct((left, right) => tf.matMul(left, right))),
  };
  const compiled = (['graph', 'xla'] as const).map((name) => {
    if (loaded.version === undefined) return { name, works: false, detail: 'needs native TensorFlow' };
    const trial = attemptSync(() => {
      const product = compileFunction((left, right) => tf.matMul(left!, right!), { jit: name === 'xla' });
      try {
        checkProduct(product);
      } finally {
        product.dispose();
      }
    });
    return { name, ...trial };
  });
  return [eager, ...compiled];
}

/** Multiplies [[1, 2], [3, 4]] by itself. @throws TensorFlowError for another result than [[7, 10], [15, 22]] */
function checkProduct(multiply: (left: tf.Tensor, right: tf.Tensor) => tf.Tensor): void {
  const values = tf.tidy(() => {
    const matrix = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    return [...multiply(matrix, matrix).dataSync()];
  });
  if (values.join() !== '7,10,15,22')
    throw new TensorFlowError('tensorflow-failed', `it multiplies wrongly: ${values.join()}`);
}

async function attempt(trial: () => Promise<string>): Promise<Omit<Trial, 'name'>> {
  try {
    return { works: true, detail: await trial() };
  } catch (error) {
    return { works: false, detail: firstLine(error) };
  }
}

function attemptSync(trial: () => void): Omit<Trial, 'name'> {
  const start = performance.now();
  try {
    trial();
    return { works: true, detail: `tried in ${Math.round(performance.now() - start)} ms` };
  } catch (error) {
    return { works: false, detail: firstLine(error) };
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
