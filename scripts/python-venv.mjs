import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './setup/cache-folder.mjs';
import { withLock } from './setup/lock.mjs';
import { reason, run } from './setup/run.mjs';
import { SetupError } from './setup/setup-error.mjs';

/**
 * What tests compare with and the bench measures against; PyTorch brings CUDA along, 6 GB in all.
 * One environment for all of it.
 */
const packages = [
  'jax==0.10.2',
  'numpy==2.4.6',
  'peft==0.21.2',
  'safetensors==0.8.0',
  'scikit-learn==1.9.1',
  'scipy==1.17.1',
  'statsmodels==0.15.0',
  'tensorboard==2.21.0',
  'torch==2.15.0',
];

/**
 * Makes the Python environment in the cache folder where it is not there yet (minutes, by pip).
 *
 * @param {(line: string) => void} [note]
 * @returns {Promise<string>} path of its Python
 * @throws SetupError when Python 3.11 or newer, venv or the network is missing
 */
export async function pythonVenv(note = () => {}) {
  const folder = join(cacheFolder(), 'python');
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, 'packages.txt');
  const wanted = `${packages.join('\n')}\n`;
  if (read(stamp) === wanted) return python;
  return await withLock(
    folder,
    async () => {
      if (read(stamp) === wanted) return python;
      note(`making a Python environment in ${folder} (6 GB, minutes)`);
      mkdirSync(folder, { recursive: true });
      await step(
        'python3',
        ['-m', 'venv', folder],
        'install Python 3.11 or newer with venv (Debian: python3-venv)',
      );
      await step(
        python,
        ['-m', 'pip', 'install', '--progress-bar', 'off', ...packages],
        "check 'pip config list'",
      );
      writeFileSync(stamp, wanted);
      return python;
    },
    () => note('another process makes the Python environment; waiting for it'),
  );
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} advice
 */
async function step(program, args, advice) {
  const { code, output } = await run(program, args);
  if (code !== 0)
    throw new SetupError(`${program} ${args.slice(0, 3).join(' ')} failed (${reason(output)}); ${advice}`, 1);
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
