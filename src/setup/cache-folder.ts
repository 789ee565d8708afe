import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';

/** The folders inside the cache folder, and what they contain. */
const purposes = {
  tensorflow: "TensorFlow's shared libraries",
  addon: 'compiled addons of tfjs-node',
  xla: 'code that XLA compiled',
  javascript: 'code that Node compiled',
  python: 'Python environment of slow tests and the bench',
} as const;

/**
 * The folder for files that can be made again: TensorFlow's libraries, compiled code, a Python environment.
 * `TFJS_LORA_CACHE` if set, else the platform's cache folder, such as `~/.cache/tfjs-lora`.
 */
export function cacheFolder(): string {
  return process.env.TFJS_LORA_CACHE || envPaths('tfjs-lora', { suffix: '' }).cache;
}

/** A folder inside the cache folder. */
export interface CachePart {
  readonly name: string;
  readonly purpose: string;
  readonly folder: string;
  readonly sizeBytes: number;
}

/** The folders that exist inside the cache folder. Each can be deleted. */
export function cacheParts(): CachePart[] {
  return Object.entries(purposes).flatMap(([name, purpose]) => {
    const folder = join(cacheFolder(), name);
    const sizeBytes = folderSize(folder);
    return sizeBytes === undefined ? [] : [{ name, purpose, folder, sizeBytes }];
  });
}

/** Bytes of the files in a folder and its subfolders; undefined if the folder cannot be read. */
function folderSize(folder: string): number | undefined {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return undefined;
  }
  let sizeBytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) sizeBytes += folderSize(path) ?? 0;
    else if (entry.isFile()) sizeBytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return sizeBytes;
}
