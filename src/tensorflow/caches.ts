import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../scripts/setup/cache-folder.mjs';

export interface CacheFacts {
  readonly name: string;
  readonly purpose: string;
  readonly folder: string;
  readonly sizeBytes: number;
}

const purposes = {
  tensorflow: "TensorFlow's shared libraries",
  addon: 'compiled addons of tfjs-node',
  xla: 'code that XLA compiled',
  python: 'Python environment of slow tests and the bench',
} as const;

/** The parts of the cache folder that are there, and how large they are. Each can be deleted. */
export function cacheFacts(): CacheFacts[] {
  return Object.entries(purposes).flatMap(([name, purpose]) => {
    const folder = join(cacheFolder(), name);
    const sizeBytes = folderSize(folder);
    return sizeBytes === undefined ? [] : [{ name, purpose, folder, sizeBytes }];
  });
}

function folderSize(folder: string): number | undefined {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return undefined;
  }
  let sizeBytes = 0;
  for (const name of names) {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    if (found?.isFile()) sizeBytes += found.size;
  }
  return sizeBytes;
}
