import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { TensorFlowError } from '../../errors.ts';

/** A GPU as the driver describes it. */
export interface Gpu {
  readonly name: string;
  readonly memoryMiB: number;
  /** Such as 9.0. */
  readonly computeCapability: string;
}

/** Measured on an H100: with 600 MiB free, TensorFlow's first kernels failed to start. */
const REQUIRED_FREE_MIB = 640;

/** Whether this process may see an NVIDIA GPU, judged by its device files and CUDA_VISIBLE_DEVICES. */
export function gpuIsVisible(): boolean {
  if (['', '-1'].includes(process.env.CUDA_VISIBLE_DEVICES ?? '0')) return false;
  return existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
}

/** The version of NVIDIA's driver and the GPUs that it reports; null and none if it does not answer. */
export function queryDriver(): { driver: string | null; gpus: Gpu[] } {
  const rows = queryGpus('driver_version,name,memory.total,compute_cap');
  const gpus = rows.map(([, name = '', memory = '', computeCapability = '']) => {
    return { name, memoryMiB: Number(memory), computeCapability };
  });
  return { driver: rows[0]?.[0] ?? null, gpus };
}

/**
 * Checks that a GPU has the memory that CUDA itself needs: without it TensorFlow aborts the process.
 *
 * @throws TensorFlowError if no GPU has enough; not if the driver does not answer
 */
export function requireFreeMemory(): void {
  const free = queryGpus('memory.free').map(([memory]) => Number(memory));
  if (free.length === 0 || !free.every(Number.isFinite)) return;
  const most = Math.max(...free);
  if (most >= REQUIRED_FREE_MIB) return;
  throw new TensorFlowError(
    'gpu-memory-full',
    `the GPU has ${most} MiB of memory free, and ${REQUIRED_FREE_MIB} are needed to start; end other programs that use it (see nvidia-smi)`,
  );
}

/** Asks nvidia-smi for fields of each GPU. @returns a row of cells for each GPU; none if it fails */
function queryGpus(fields: string): string[][] {
  const args = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits'];
  const { status, stdout } = spawnSync('nvidia-smi', args, { encoding: 'utf8', timeout: 20_000 });
  if (status !== 0 || !stdout.trim()) return [];
  const lines = stdout.trim().split('\n');
  return lines.map((line) => line.split(',').map((cell) => cell.trim()));
}
