import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../setup/index.ts';

/** A part of the cache folder. */
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

/** Bytes of the files in a folder and those below it; undefined where there is no folder. */
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
