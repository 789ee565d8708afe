import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cudaLibraries } from '../../setup/index.ts';
import { type Gpu, queryDriver } from './gpus.ts';
import type { CudaProblem } from './problems.ts';

/** What TensorFlow needs to use a GPU, without loading anything. */
export interface CudaFacts {
  /** Version of NVIDIA's driver; null if it does not answer. */
  readonly driver: string | null;
  readonly cards: Gpu[];
  /** Names of the shared libraries that cannot be found. */
  readonly missing: string[];
}

/** The oldest driver that runs CUDA 12. */
const OLDEST_DRIVER = 525;
/** The lowest compute capability that TensorFlow's build contains code for. */
const LOWEST_CAPABILITY = 6;
/** The driver's own library, which no wheel contains. */
const DRIVER_LIBRARY = 'libcuda.so.1';

const systemFolders = [
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib64',
  '/usr/lib',
  '/usr/local/lib',
  '/usr/lib/wsl/lib',
];

/** @param libraries folder of TensorFlow's libraries; CUDA's are searched beside it, then in the system */
export function cudaFacts(libraries: string | undefined): CudaFacts {
  const { driver, gpus } = queryDriver();
  const searchPath = [...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean), ...systemFolders];
  const exists = (name: string, folders: readonly string[]) =>
    folders.some((folder) => existsSync(join(folder, name)));
  const missing = cudaLibraries
    .filter(({ part, name }) => {
      const wheelFolders = libraries ? [join(libraries, '..', 'nvidia', part, 'lib')] : [];
      return !exists(name, [...wheelFolders, ...searchPath]);
    })
    .map(({ name }) => name);
  if (!exists(DRIVER_LIBRARY, searchPath)) missing.push(DRIVER_LIBRARY);
  return { driver, cards: gpus, missing };
}

/** The requirements that are not met. */
export function unmetRequirements({ driver, cards, missing }: CudaFacts): CudaProblem[] {
  const messages: string[] = [];
  if (driver === null) {
    messages.push(
      `no NVIDIA driver answers (nvidia-smi); install driver ${OLDEST_DRIVER} or newer, and start containers with 'docker run --gpus all'`,
    );
  } else if (Number.parseInt(driver, 10) < OLDEST_DRIVER) {
    messages.push(`the NVIDIA driver is ${driver}, and CUDA 12 needs ${OLDEST_DRIVER} or newer`);
  }
  for (const { name, computeCapability } of cards) {
    if (Number(computeCapability) >= LOWEST_CAPABILITY) continue;
    messages.push(
      `${name} has compute capability ${computeCapability}, and TensorFlow needs ${LOWEST_CAPABILITY}.0 or higher`,
    );
  }
  if (driver !== null && missing.includes(DRIVER_LIBRARY)) {
    messages.push(
      `${DRIVER_LIBRARY}, the driver's library, cannot be found; add its folder to LD_LIBRARY_PATH`,
    );
  }
  const problems: CudaProblem[] = messages.map((message) => ({ code: 'cuda-unavailable', message }));
  const fromWheels = missing.filter((name) => name !== DRIVER_LIBRARY);
  if (fromWheels.length > 0) {
    problems.push({ code: 'cuda-not-set-up', message: `missing: ${fromWheels.join(', ')}` });
  }
  return problems;
}
