import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TensorFlowError } from '../errors.ts';
import { cudaLibraries } from '../setup/index.ts';

/** What a CUDA device needs besides TensorFlow, found out without loading anything. */
export interface CudaFacts {
  readonly driver: string | null;
  readonly cards: CudaCard[];
  /** Names of the shared libraries that are not found. */
  readonly missing: string[];
}

/** A card as the driver describes it. */
export interface CudaCard {
  readonly name: string;
  readonly memoryMiB: number;
  /** Such as 9.0. */
  readonly computeCapability: string;
}

/** The oldest driver that runs CUDA 12. */
const OLDEST_DRIVER = 525;
/** The oldest card for which TensorFlow's build has code. */
const OLDEST_CAPABILITY = 6;
/** With 600 MiB free on an H100 the first kernels of TensorFlow did not start. */
const LEAST_FREE_MIB = 640;

const systemFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
  '/usr/lib/wsl/lib',
];

/** @param libraries folder of TensorFlow's libraries; CUDA's are looked for beside it, then in the system */
export function cudaFacts(libraries: string | undefined): CudaFacts {
  const [driver, cards] = askDriver();
  const places = [...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean), ...systemFolders];
  const found = (name: string, ...own: string[]) =>
    [...own, ...places].some((folder) => existsSync(join(folder, name)));
  const missing = cudaLibraries
    .filter(
      ({ part, name }) => !found(name, ...(libraries ? [join(libraries, '..', 'nvidia', part, 'lib')] : [])),
    )
    .map(({ name }) => name);
  if (!found('libcuda.so.1')) missing.push('libcuda.so.1');
  return { driver, cards, missing };
}

/** What to do about what is missing, a line each; empty where all is there. */
export function cudaAdvice({ driver, cards, missing }: CudaFacts): string[] {
  const advice: string[] = [];
  if (driver === null) {
    advice.push(
      `no NVIDIA driver answers (nvidia-smi); install driver ${OLDEST_DRIVER} or newer, in a container also 'docker run --gpus all'`,
    );
  } else if (Number.parseInt(driver, 10) < OLDEST_DRIVER) {
    advice.push(`the NVIDIA driver is ${driver}, and CUDA 12 needs ${OLDEST_DRIVER} or newer`);
  }
  for (const { name, computeCapability } of cards) {
    if (Number(computeCapability) < OLDEST_CAPABILITY) {
      advice.push(
        `${name} has compute capability ${computeCapability}, and TensorFlow needs ${OLDEST_CAPABILITY}.0 or higher`,
      );
    }
  }
  const own = missing.filter((name) => name !== 'libcuda.so.1');
  if (own.length > 0) advice.push(`${own.join(', ')} missing; run 'npx tfjs-lora setup --device cuda'`);
  if (driver !== null && own.length < missing.length) {
    advice.push("libcuda.so.1, the driver's library, is not found; add its folder to LD_LIBRARY_PATH");
  }
  return advice;
}

function askDriver(): [string | null, CudaCard[]] {
  const answer = queryCards('driver_version,name,memory.total,compute_cap');
  return answer === undefined ? [null, []] : parseDriverAnswer(answer);
}

/**
 * TensorFlow ends the process when a card cannot hold what CUDA itself needs.
 *
 * @throws TensorFlowError when none has enough memory free; not where no driver answers
 */
export function requireFreeMemory(): void {
  const free = freeMemoryMiB();
  if (free === undefined || free >= LEAST_FREE_MIB) return;
  throw new TensorFlowError(
    'tensorflow-failed',
    `the GPU has ${free} MiB of memory free, and ${LEAST_FREE_MIB} are needed to start; end what else holds it (see nvidia-smi), or use --device cpu`,
  );
}

/** Memory that is free on the card that has most of it; undefined where no driver answers. */
function freeMemoryMiB(): number | undefined {
  const free = queryCards('memory.free')?.trim().split('\n').map(Number);
  return free?.every(Number.isFinite) ? Math.max(...free) : undefined;
}

function queryCards(fields: string): string | undefined {
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
  const { status, stdout } = spawnSync('nvidia-smi', args, { encoding: 'utf8', timeout: 20_000 });
  return status === 0 && stdout.trim() ? stdout : undefined;
}

/** Reads `driver, name, MiB, capability`, a line for each card. */
export function parseDriverAnswer(text: string): [string | null, CudaCard[]] {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()));
  const cards = rows.map(([, name = '', memory = '', computeCapability = '']) => {
    return { name, memoryMiB: Number(memory), computeCapability };
  });
  return [rows[0]?.[0] ?? null, cards];
}
