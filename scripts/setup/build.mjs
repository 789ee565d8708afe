import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

/** @param {string} root */
const stampOf = (root) => join(root, 'dist', '.built');

/**
 * Whether dist/ was built from the sources as they are now, by their names, sizes and times.
 *
 * @param {string} root
 */
export function distIsCurrent(root) {
  try {
    return readFileSync(stampOf(root), 'utf8') === sourceState(root);
  } catch {
    return false;
  }
}

/** @param {string} root */
export async function buildDist(root) {
  const state = sourceState(root); // as it was before, so that a change meanwhile is seen
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const { code, output } = await run('npm', ['run', '--silent', 'build'], {
    cwd: root,
    shell: process.platform === 'win32',
  });
  if (code !== 0) throw new SetupError(`the build failed:\n${output.trim()}`, 1);
  stampDist(root, state);
}

/**
 * Notes which sources dist/ was built from.
 *
 * @param {string} root
 */
export function stampDist(root, state = sourceState(root)) {
  writeFileSync(stampOf(root), state);
}

/** @param {string} root */
function sourceState(root) {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).sort();
  for (const path of ['tsconfig.json', 'tsconfig.build.json', ...sources.map((name) => join('src', name))]) {
    const { size, mtimeMs } = statSync(join(root, path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}
