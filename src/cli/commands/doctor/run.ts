import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { DataError, TensorFlowError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { findMnist } from '../../../mnist-data-loader/index.ts';
import { cacheParts, nativeState, secondTfjs } from '../../../setup/index.ts';
import {
  cudaFacts,
  cudaProblems,
  type LoadedTensorFlow,
  loadTensorFlow,
  unmetRequirements,
} from '../../../tensorflow/index.ts';
import { version } from '../../../version.ts';
import type { CliContext } from '../../context.ts';
import { messageWithHint } from '../../hints.ts';
import type { Device } from '../../options/shared.ts';
import type { DoctorDocument } from './document.ts';
import { renderDoctor } from './render.ts';
import { describeProblem, type Trial, tryDevices, tryEngines } from './trials.ts';

/** Options of `doctor`. */
export interface DoctorCommandOptions {
  readonly device: Device;
  readonly data?: string;
  readonly json?: boolean;
}

/** Variables that TensorFlow, XLA, CUDA or this program read. */
const RELEVANT_VARIABLE =
  /^(?:TF_(?!CLI_)|XLA_FLAGS$|CUDA_(?!VERSION$)|NVIDIA_(?:TF32|VISIBLE)|OMP_NUM_THREADS$|LD_LIBRARY_PATH$|TFJS_LORA_)/;

/**
 * Tries the devices and engines of this machine and prints the results.
 *
 * @throws TensorFlowError if the device of `--device` does not work
 */
export async function runDoctor(options: DoctorCommandOptions, context: CliContext): Promise<void> {
  const document = await examine(options, context.cwd);
  context.print(options.json ? jsonText(document) : renderDoctor(document));
  const requested = document.devices.find((device) => device.name === options.device);
  if (requested?.works === false) {
    throw new TensorFlowError(
      'tensorflow-failed',
      `--device ${requested.name}: does not work: ${requested.detail}`,
    );
  }
}

async function examine({ device, data }: DoctorCommandOptions, cwd: string): Promise<DoctorDocument> {
  const { loaded, failure, notices } = await loadOrFallBack(device);
  const devices = await tryDevices(device, loaded, failure);
  // Trying the other devices changed the backend.
  await loadTensorFlow({ device: loaded.device });
  const engines = tryEngines(loaded);
  const cuda = examineCuda(device === 'cuda', failure);
  const images = await findImages(data, cwd);
  const copies = secondTfjs(cwd);
  return {
    format: 'tfjs-lora doctor',
    formatVersion: 1,
    version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    processor: { model: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
    packages: packageVersions(),
    running: describeRunning(loaded),
    devices,
    cuda: cuda.facts,
    engines,
    data: images.data,
    caches: cacheParts(),
    advice: [
      ...(copies === undefined ? [] : [copies]),
      ...notices,
      ...cuda.problems,
      ...devices
        .filter(({ name, works }) => !works && (name !== 'cuda' || device === 'cuda'))
        // The listed problems are more specific than the error of a failed trial.
        .filter(({ name }) => name !== 'cuda' || !cuda.isExplained)
        .map(adviceFor),
      ...engines.filter(({ works }) => !works && loaded.version !== undefined).map(adviceFor),
      ...images.problems,
    ],
  };
}

/** Loads a device, or wasm with the reason why it is used instead. */
async function loadOrFallBack(
  device: Device,
): Promise<{ loaded: LoadedTensorFlow; failure?: TensorFlowError; notices: readonly string[] }> {
  const notices: string[] = [];
  try {
    const loaded = await loadTensorFlow({ device, onNotice: (line) => notices.push(line) });
    return { loaded, notices };
  } catch (error) {
    if (!(error instanceof TensorFlowError)) throw error;
    return { loaded: await loadTensorFlow({ device: 'wasm' }), failure: error, notices };
  }
}

/** Facts about CUDA if it is requested or set up, and if it is requested its problems. */
function examineCuda(isRequested: boolean, failure: TensorFlowError | undefined) {
  const { nativePackage, problem } = nativeState('cuda');
  const facts = isRequested || !problem ? cudaFacts(nativePackage?.marker?.libraries) : null;
  const unmet = facts && isRequested ? unmetRequirements(facts) : [];
  const reported = isRequested && failure && nativePackage ? cudaProblems(nativePackage) : [];
  return {
    facts,
    problems: [...unmet, ...reported].map(describeProblem),
    isExplained: reported.length > 0,
  };
}

function adviceFor({ name, detail }: Trial): string {
  return `${name}: ${detail}`;
}

async function findImages(
  data: string | undefined,
  cwd: string,
): Promise<Pick<DoctorDocument, 'data'> & { readonly problems: readonly string[] }> {
  try {
    const { directory } = await findMnist(data, cwd);
    return { data: { directory }, problems: [] };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { data: null, problems: [messageWithHint(error)] };
  }
}

function packageVersions(): DoctorDocument['packages'] {
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

function describeRunning({ device, version: tensorflow }: LoadedTensorFlow): DoctorDocument['running'] {
  const nativePackage = device === 'cpu' || device === 'cuda' ? nativeState(device).nativePackage : undefined;
  const variables = Object.entries(process.env).filter(([name]) => RELEVANT_VARIABLE.test(name));
  return {
    device,
    tensorflow: tensorflow ?? null,
    addon: nativePackage?.addon ?? null,
    libraries: nativePackage?.marker?.libraries ?? null,
    threads: { intraOp: threads('TF_NUM_INTRAOP_THREADS'), interOp: threads('TF_NUM_INTEROP_THREADS') },
    environment: Object.fromEntries(variables.map(([name, value]) => [name, value ?? ''])),
  };
}

function threads(variable: string): number | null {
  const value = Number(process.env[variable]);
  return Number.isInteger(value) && value > 0 ? value : null;
}
