import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import { DataError, TensorFlowError } from '../../errors.ts';
import { compileFunction } from '../../graph/index.ts';
import { findMnist } from '../../mnist-data-loader/index.ts';
import {
  cacheFacts,
  type DeviceName,
  type LoadedTensorFlow,
  loadTensorFlow,
  nativeState,
} from '../../tensorflow/index.ts';
import type { CliContext } from '../context.ts';
import type { DoctorDocument } from '../doctor-document.ts';
import { version } from '../version.ts';

interface Options {
  readonly device: Exclude<DeviceName, 'js'>;
  readonly data?: string;
}

/** Variables that TensorFlow, XLA or CUDA read. */
const TENSORFLOW_VARIABLE =
  /^(?:TF_(?!CLI_)|XLA_FLAGS$|CUDA_|NVIDIA_|OMP_NUM_THREADS$|LD_LIBRARY_PATH$|TFJS_LORA_)/;

type Trial = DoctorDocument['devices'][number];

/** Loads what `--device` names and tries out what it can do. */
export async function examine(options: Options, context: CliContext): Promise<DoctorDocument> {
  const advice: string[] = [];
  const { loaded, failure } = await load(options.device);
  const devices = await tryDevices(options.device, loaded, failure);
  await loadTensorFlow({ device: loaded.device });
  const native =
    loaded.device === 'cpu' || loaded.device === 'cuda' ? nativeState(loaded.device).installed : undefined;
  const engines = tryEngines(loaded);
  const data = await findData(options, context, advice);
  for (const device of devices)
    if (!device.works && (device.name !== 'cuda' || options.device === 'cuda'))
      advice.push(`${device.name}: ${device.detail}`);
  for (const engine of engines)
    if (native && !engine.works) advice.push(`engine ${engine.name}: ${engine.detail}`);
  return {
    format: 'tfjs-lora doctor',
    formatVersion: 1,
    version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processor: { model: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
    packages: packageVersions(),
    running: {
      device: loaded.device,
      tensorflow: loaded.version ?? null,
      addon: native?.addon ?? null,
      libraries: native?.marker?.libraries ?? null,
      threads: { intraOp: threads('TF_NUM_INTRAOP_THREADS'), interOp: threads('TF_NUM_INTEROP_THREADS') },
      environment: tensorFlowEnvironment(),
    },
    devices,
    engines,
    data,
    caches: cacheFacts(),
    advice,
  };
}

/** The device asked for, or wasm and why it has to do. */
async function load(
  device: Options['device'],
): Promise<{ loaded: LoadedTensorFlow; failure?: TensorFlowError }> {
  try {
    return { loaded: await loadTensorFlow({ device }) };
  } catch (error) {
    if (!(error instanceof TensorFlowError)) throw error;
    return { loaded: await loadTensorFlow({ device: 'wasm' }), failure: error };
  }
}

async function tryDevices(
  asked: Options['device'],
  loaded: LoadedTensorFlow,
  failure: TensorFlowError | undefined,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const name of ['cpu', 'cuda'] as const) {
    const { installed, obstacle } = nativeState(name);
    const tried = loaded.device === name ? `TensorFlow ${loaded.version}` : undefined;
    const wrong = asked === name ? (failure?.message ?? obstacle) : obstacle;
    const detail = tried ?? wrong ?? `${installed?.name} is there; 'doctor --device ${name}' tries it`;
    trials.push({ name, works: tried !== undefined || wrong === undefined, detail });
  }
  for (const name of ['wasm', 'js'] as const)
    trials.push({ name, ...(await attempt(() => tryPortable(name))) });
  return trials;
}

async function tryPortable(name: 'wasm' | 'js'): Promise<string> {
  await loadTensorFlow({ device: name });
  checkProduct((left, right) => tf.matMul(left, right));
  return name === 'wasm' ? 'WebAssembly, one thread' : 'plain JavaScript, slow';
}

function tryEngines(loaded: LoadedTensorFlow): Trial[] {
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
  if (values.join() !== '7,10,15,22') throw new TensorFlowError(`it multiplies wrongly: ${values.join()}`);
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

async function findData(
  options: Options,
  context: CliContext,
  advice: string[],
): Promise<DoctorDocument['data']> {
  try {
    const { directory } = await findMnist(options.data, context.cwd);
    return { directory };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    advice.push(error.message);
    return null;
  }
}

function packageVersions(): Record<string, string | null> {
  const require = createRequire(import.meta.url);
  const names = ['tfjs', 'tfjs-node', 'tfjs-node-gpu', 'tfjs-backend-wasm'].map(
    (name) => `@tensorflow/${name}`,
  );
  return Object.fromEntries(
    names.map((name) => {
      try {
        return [name, (require(`${name}/package.json`) as { version: string }).version];
      } catch {
        return [name, null];
      }
    }),
  );
}

function threads(variable: string): number | null {
  const value = Number(process.env[variable]);
  return Number.isInteger(value) && value > 0 ? value : null;
}

function tensorFlowEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => TENSORFLOW_VARIABLE.test(name));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}
