import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { arch, availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../setup/index.ts';

/**
 * The folder for code that XLA compiled: one for each version of TensorFlow, each kind of processor, because
 * compiled code uses the instructions that it found, and each way to compile, which XLA's own key leaves out.
 *
 * @param settings see `compilerSettings`
 */
export function xlaCacheFolder(
  device: 'cpu' | 'cuda',
  tensorflowVersion: string,
  settings: readonly string[],
): string {
  const kind = createHash('sha256')
    .update([processor(), device === 'cuda' ? graphicsCards() : '', ...settings].join('\n'))
    .digest('hex');
  return join(cacheFolder(), 'xla', `${tensorflowVersion}-${arch()}-${device}-${kind.slice(0, 12)}`);
}

/** What tells XLA how to compile besides the program: on a CPU it splits kernels for as many threads as there will be. */
export function compilerSettings(
  device: 'cpu' | 'cuda',
  { tf32 }: { readonly tf32: boolean },
  env = process.env,
): string[] {
  const threads = env.TF_NUM_INTRAOP_THREADS ?? String(availableParallelism());
  return [env.XLA_FLAGS ?? '', device === 'cpu' ? threads : '', tf32 ? 'tf32' : ''];
}

/**
 * Removes what XLA kept in the folder that TF_XLA_FLAGS names, to be called when TensorFlow cannot read it. The folder
 * stays, so that compiling can go on at once.
 *
 * @returns whether a file went; where none did, to compile again would fail as before
 */
export function clearXlaCache(env = process.env): boolean {
  const flag = /--tf_xla_persistent_cache_directory=(\S+)/.exec(env.TF_XLA_FLAGS ?? '');
  const folder = flag?.[1] ?? '';
  const kept = entries(folder).filter((file) => /^xla_compile_cache.*\.pb$/.test(file));
  return kept.filter((file) => removeKeptCode(join(folder, file))).length > 0;
}

/** @returns whether the file was there and is gone, which a folder that cannot be written to prevents */
export function removeKeptCode(file: string): boolean {
  try {
    rmSync(file, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

function processor(): string {
  const flags = /^(?:flags|Features)\s*:.*$/m.exec(readText('/proc/cpuinfo'))?.[0] ?? '';
  return `${cpus()[0]?.model ?? ''}\n${flags}`;
}

/** Model and driver of each NVIDIA card; an empty text where there is none. */
function graphicsCards(): string {
  const cards = entries('/proc/driver/nvidia/gpus').map((card) =>
    readText(join('/proc/driver/nvidia/gpus', card, 'information')),
  );
  const models = cards.map((text) => /^Model:.*$/m.exec(text)?.[0]);
  return [readText('/proc/driver/nvidia/version'), ...models].join('\n');
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
