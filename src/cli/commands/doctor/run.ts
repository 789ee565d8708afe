import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { DataError, TensorFlowError } from '../../../errors.ts';
import { findMnist } from '../../../mnist-data-loader/index.ts';
import { cacheParts, nativeState } from '../../../setup/index.ts';
import {
  cudaFacts,
  cudaProblems,
  type LoadedTensorFlow,
  loadTensorFlow,
  unmetRequirements,
} from '../../../tensorflow/index.ts';
import { version } from '../../../version.ts';
import type { CliContext } from '../../context.ts';
import type { Device } from '../../options/shared.ts';
import type { DoctorDocument } from './document.ts';
import { describeProblem, type Trial, tryDevices, tryEngines } from './trials.ts';

interface Options {
  readonly device: Device;
  readonly data?: string;
}

/** Names of environment variables that TensorFlow, XLA, CUDA or this library read. */
const TENSORFLOW_VARIABLE =
  /^(?:TF_(?!CLI_)|XLA_FLAGS$|CUDA_(?!VERSION$)|NVIDIA_(?:TF32|VISIBLE)|OMP_NUM_THREADS$|LD_LIBRARY_PATH$|TFJS_LORA_)/;

/** Loads TensorFlow for `--device`, tries all devices and engines, and returns what works and what to do about the rest. */
export async function examine(options: Options, context: CliContext): Promise<DoctorDocument> {
  const { loaded, failure } = await load(options.device);
  const devices = await tryDevices(options.device, loaded, failure);
  await loadTensorFlow({ device: loaded.device }); // tryDevices switched to other backends
  const running =
    loaded.device === 'cpu' || loaded.device === 'cuda'
      ? nativeState(loaded.device).nativePackage
      : undefined;
  const { nativePackage: cudaPackage, problem: cudaProblem } = nativeState('cuda');
  const isCudaRequested = options.device === 'cuda';
  const cuda = isCudaRequested || !cudaProblem ? cudaFacts(cudaPackage?.marker?.libraries) : null;
  const engines = tryEngines(loaded);
  const { data, problem } = await findData(options, context);
  const unmet = cuda && isCudaRequested ? unmetRequirements(cuda) : [];
  const reported = isCudaRequested && failure && cudaPackage ? cudaProblems(cudaPackage) : [];
  const isExplained = (name: string) => name === 'cuda' && reported.length > 0;
  const advice = [
    ...[...unmet, ...reported].map(describeProblem),
    ...devices
      .filter(({ name, works }) => !works && isWanted(name, options) && !isExplained(name))
      .map(adviceOn),
    ...engines.filter(({ works }) => !works && running).map(adviceOn),
    ...(problem ? [problem] : []),
  ];
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
      addon: running?.addon ?? null,
      libraries: running?.marker?.libraries ?? null,
      threads: { intraOp: threads('TF_NUM_INTRAOP_THREADS'), interOp: threads('TF_NUM_INTEROP_THREADS') },
      environment: tensorFlowEnvironment(),
    },
    devices,
    cuda,
    engines,
    data,
    caches: cacheParts(),
    advice,
  };
}

/** Loads the requested device. If that fails, loads wasm and returns the error as `failure`. */
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

/** A GPU is optional: without `--device cuda`, there is no advice about a missing one. */
function isWanted(name: string, options: Options): boolean {
  return name !== 'cuda' || options.device === 'cuda';
}

function adviceOn({ name, detail }: Trial): string {
  return `${name}: ${detail}`;
}

async function findData(options: Options, context: CliContext) {
  try {
    const { directory } = await findMnist(options.data, context.cwd);
    return { data: { directory } };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { data: null, problem: error.message };
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
