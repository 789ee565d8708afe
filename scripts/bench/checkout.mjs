import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ExecaError, execa } from 'execa';
import { ensureDir } from '../../dist/files/index.js';
import { cacheFolder, withLock } from '../../dist/setup/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The commit cannot be checked out, built or measured. */
export class CheckoutError extends Error {}

/**
 * Checks out a commit of this repository in the cache folder and sets it up, unless it is there already.
 *
 * @param {string} commit anything that git resolves to a commit
 * @param {(line: string) => void} note
 * @returns {Promise<{ id: string, folder: string }>} abbreviated name of the commit, and the folder of its bench scripts
 * @throws CheckoutError
 */
export async function checkOut(commit, note) {
  const id = await git('rev-parse', '--short=12', '--verify', '--end-of-options', `${commit}^{commit}`);
  const checkout = join(cacheFolder(), 'bench', id);
  await ensureDir(join(cacheFolder(), 'bench'));
  await withLock(`${checkout}.lock`, async () => {
    if (!existsSync(checkout)) {
      note(`checking out ${id} in ${checkout}`);
      await git('clone', '--quiet', '--no-checkout', root, checkout);
      await git('-C', checkout, 'checkout', '--quiet', '--detach', id);
    }
    try {
      await execa('node', [join(checkout, 'scripts', 'setup.mjs'), '--device', 'cpu'], { stderr: 'inherit' });
    } catch {
      throw new CheckoutError(`--against ${commit}: set-up of ${checkout} failed`);
    }
  });
  const folder = join(checkout, 'scripts', 'bench');
  if (!existsSync(join(folder, 'product.mjs')))
    throw new CheckoutError(`--against ${commit}: has no scripts/bench/product.mjs; choose a later commit`);
  return { id, folder };
}

/** @param {readonly string[]} args @returns {Promise<string>} stdout */
async function git(...args) {
  try {
    return (await execa('git', args, { cwd: root })).stdout;
  } catch (error) {
    const line = error instanceof ExecaError ? String(error.stderr).split('\n')[0] : String(error);
    throw new CheckoutError(`git ${args.join(' ')}: ${line}`);
  }
}
