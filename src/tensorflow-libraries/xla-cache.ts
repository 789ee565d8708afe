import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { arch, availableParallelism, cpus, hostname } from 'node:os';
import { join } from 'node:path';
import { ensureDir, wasRunning } from '../files/index.ts';
import { cacheFolder, type NativeDevice } from '../setup/index.ts';
import { setXlaCacheFolder } from './flags.ts';

/**
 * The folder for code that XLA compiled. There is one for each version of TensorFlow, each kind of processor (compiled
 * code uses the instructions that were available), and each combination of compiler settings, because XLA's own cache
 * key lacks them.
 *
 * @param settings see `compilerSettings`
 */
export function xlaCacheFolder(
  device: NativeDevice,
  tensorflowVersion: string,
  settings: readonly string[],
): string {
  const kind = createHash('sha256')
    .update([processor(), device === 'cuda' ? graphicsCards() : '', ...settings].join('\n'))
    .digest('hex');
  return join(cacheFolder(), 'xla', `${tensorflowVersion}-${arch()}-${device}-${kind.slice(0, 12)}`);
}

/** What affects the code that XLA compiles, other than the program. On a CPU it splits kernels by thread count. */
export function compilerSettings(
  device: NativeDevice,
  { tf32 }: { readonly tf32: boolean },
  env = process.env,
): string[] {
  const threads = env.TF_NUM_INTRAOP_THREADS ?? String(availableParallelism());
  return [env.XLA_FLAGS ?? '', device === 'cpu' ? threads : '', tf32 ? 'tf32' : ''];
}

/**
 * Makes XLA keep compiled code in a folder. If the folder cannot be created or written to, XLA runs without a cache:
 * with one that it cannot write to, it would refuse to compile.
 */
export async function useXlaCache(folder: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  try {
    await ensureDir(folder);
    await access(folder, constants.W_OK);
  } catch {
    return;
  }
  removeUnfinishedEntries(folder);
  setXlaCacheFolder(folder, env);
}

/** A file that XLA writes before it renames it to a cache entry (tsl/platform/env.cc, `CreateUniqueFileName`). */
const UNFINISHED_ENTRY = /-[0-9a-f]+-(\d+)-[0-9a-f]+\.tmp$/;
/** Writing an entry takes less than a second. */
const ABANDONED_AFTER_MS = 3_600_000;

/** Removes what killed processes left in the cache: files of processes that have ended, and old ones of other hosts. */
function removeUnfinishedEntries(folder: string): void {
  for (const name of entries(folder)) {
    const pid = UNFINISHED_ENTRY.exec(name)?.[1];
    const stats = pid && statSync(join(folder, name), { throwIfNoEntry: false });
    if (!stats) continue;
    const isOld = Date.now() - stats.mtimeMs > ABANDONED_AFTER_MS;
    const hasEnded = name.includes(hostname()) && !wasRunning(Number(pid), stats.mtimeMs);
    if (isOld || hasEnded) deleteCacheFile(join(folder, name));
  }
}

/**
 * Deletes the compiled code in the folder that TF_XLA_FLAGS names, after XLA failed to read it. The folder stays, so
 * that XLA can write to it again.
 *
 * @returns whether a file was deleted; if not, compiling again would fail in the same way
 */
export function clearXlaCache(env = process.env): boolean {
  const flag = /--tf_xla_persistent_cache_directory=(\S+)/.exec(env.TF_XLA_FLAGS ?? '');
  const folder = flag?.[1] ?? '';
  const files = entries(folder).filter((name) => /^xla_compile_cache.*\.pb$/.test(name));
  return files.filter((name) => deleteCacheFile(join(folder, name))).length > 0;
}

/** @returns whether the file existed and is deleted, which a read-only folder prevents */
export function deleteCacheFile(file: string): boolean {
  try {
    rmSync(file, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

/** Model and instruction sets of the processor. */
function processor(): string {
  const flags = /^(?:flags|Features)\s*:.*$/m.exec(readText('/proc/cpuinfo'))?.[0] ?? '';
  return `${cpus()[0]?.model ?? ''}\n${flags}`;
}

/** Driver version and model of each NVIDIA GPU; empty if there is none. */
function graphicsCards(): string {
  const cards = entries('/proc/driver/nvidia/gpus').map((card) =>
    readText(join('/proc/driver/nvidia/gpus', card, 'information')),
  );
  const models = cards.map((text) => /^Model:.*$/m.exec(text)?.[0]);
  return [readText('/proc/driver/nvidia/version'), ...models].join('\n');
}

/** The names in a folder; none if it cannot be read. */
function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** The text of a file; empty if it cannot be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
