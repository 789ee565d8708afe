import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../errors.ts';
import { withFileErrors } from '../files/index.ts';

/** What a file contains, judged by its name. */
interface Role {
  /** What comes before `train-` or `t10k-`, such as `emnist-digits-`; usually empty. */
  readonly prefix: string;
  readonly split: 'train' | 'test';
  readonly kind: 'images' | 'labels';
}

/** An IDX file of a folder. */
export interface Candidate extends Role {
  readonly path: string;
  /** Path within the folder. */
  readonly name: string;
}

/**
 * `train-images-idx3-ubyte`, also as `.idx3-ubyte`, with `.gz`, or after a prefix such as `emnist-digits-`. QMNIST's
 * labels end in `idx2-int`.
 */
const FILE_NAME =
  /^(?<prefix>.+-)?(?<split>train|t10k|test)-(?<kind>images|labels)[.-]idx(?:[13]-ubyte|2-int)(?:\.gz)?$/;

/** What an IDX file contains, or undefined for the name of another file. */
export function roleOf(name: string): Role | undefined {
  const groups = FILE_NAME.exec(name)?.groups;
  if (!groups) return undefined;
  const { prefix = '', split, kind } = groups;
  return { prefix, split: split === 'train' ? 'train' : 'test', kind: kind as Role['kind'] };
}

/**
 * Lists the IDX files of a folder. Kaggle's archive of MNIST unpacks to folders that are named like the files, with one
 * file in each: these files are listed for roles that no file of the folder itself has.
 *
 * @param isOptional whether the folder may be missing
 */
export async function candidatesIn(folder: string, isOptional = false): Promise<Candidate[]> {
  const files: Candidate[] = [];
  const nested: Candidate[] = [];
  for (const entry of await entriesOf(folder, isOptional)) {
    const role = roleOf(entry.name);
    if (!role) continue;
    const path = join(folder, entry.name);
    if (!(await isFolder(entry, path))) files.push({ ...role, path, name: entry.name });
    else nested.push(...(await filesWithRole(path, entry.name, role)));
  }
  const isDirect = ({ split, kind }: Role) =>
    files.some((file) => file.split === split && file.kind === kind);
  return [...files, ...nested.filter((file) => !isDirect(file))];
}

async function filesWithRole(path: string, parent: string, { split, kind }: Role): Promise<Candidate[]> {
  return (await entriesOf(path, true)).flatMap(({ name }) => {
    const role = roleOf(name);
    if (role?.split !== split || role.kind !== kind) return [];
    return [{ ...role, path: join(path, name), name: join(parent, name) }];
  });
}

/** How many subfolders are searched for files, for a message. */
const MAX_SEARCHED = 200;

/** Finds a folder with IDX files up to three levels below another, to name it in a message. */
export async function folderWithFiles(directory: string): Promise<string | undefined> {
  const queue: { readonly path: string; readonly depth: number }[] = [{ path: directory, depth: 0 }];
  for (let next = 0; next < queue.length && next < MAX_SEARCHED; next++) {
    const { path, depth } = queue[next]!;
    const entries = await entriesOf(path, true).catch(() => []);
    if (entries.some((entry) => !entry.isDirectory() && roleOf(entry.name))) return path;
    if (depth === 3) continue;
    const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== 'node_modules');
    queue.push(...folders.map((entry) => ({ path: join(path, entry.name), depth: depth + 1 })));
  }
  return undefined;
}

async function entriesOf(folder: string, isOptional: boolean): Promise<Dirent[]> {
  return await withFileErrors(DataError, folder, 'read', async () => {
    try {
      return await readdir(folder, { withFileTypes: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (isOptional && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
      throw error;
    }
  });
}

async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
