import { readFileSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { pack } from '../../scripts/package/pack.mjs';
import { keptFolder } from './temporary.ts';

/** A project of a user that is kept for all tests of a file. */
export interface PackedProject {
  readonly folder: string;
  /** Path of the packed package. */
  readonly tarball: string;
  /** Paths of the files in it. */
  readonly packed: readonly string[];
}

/**
 * A project with the packed package and what it requires. The other packages are links to those of this repository;
 * optional packages, such as tfjs-node, and those for the development are left out.
 */
export async function packedProject(): Promise<PackedProject> {
  const folder = await keptFolder();
  for (const name of await requiredPackages()) {
    const target = join(folder, 'node_modules', name);
    await mkdir(dirname(target), { recursive: true });
    await symlink(resolve('node_modules', name), target);
  }
  const { tarball, files } = pack(folder);
  const own = join(folder, 'node_modules', 'tfjs-lora');
  await mkdir(own);
  await execa('tar', ['-xzf', tarball, '--strip-components=1', '-C', own]);
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  return { folder, tarball, packed: files.map(({ path }) => path) };
}

async function requiredPackages(): Promise<string[]> {
  const { devDependencies, peerDependenciesMeta } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
    readonly peerDependenciesMeta: Readonly<Record<string, object>>;
  };
  const names: string[] = [];
  for (const name of await readdir('node_modules')) {
    if (name.startsWith('.')) continue;
    const inScope = name.startsWith('@') ? await readdir(join('node_modules', name)) : undefined;
    names.push(...(inScope?.map((part) => `${name}/${part}`) ?? [name]));
  }
  const leftOut = new Set(Object.keys({ ...devDependencies, ...peerDependenciesMeta }));
  for (const name of ['@tensorflow/tfjs', '@types/node']) leftOut.delete(name);
  return names.filter((name) => !leftOut.has(name));
}
