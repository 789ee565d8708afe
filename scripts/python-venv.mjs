import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExecaError, execa } from 'execa';
import { ensureDir } from '../dist/files/index.js';
import { cacheFolder, withLock } from '../dist/setup/index.js';

/** The packages that tests and the bench compare with. PyTorch installs CUDA as well: 6 GB in all. */
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

/** The Python environment cannot be created. */
export class PythonError extends Error {}

/**
 * Creates a Python environment with these packages in the cache folder, unless it exists. This takes minutes.
 *
 * @param {(line: string) => void} [note]
 * @returns {Promise<string>} path of its Python
 * @throws PythonError if Python 3.11 or newer, venv or the network is missing
 */
export async function pythonVenv(note = () => {}) {
  const folder = join(cacheFolder(), 'python');
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, 'packages.txt');
  const content = `${packages.join('\n')}\n`;
  const isComplete = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === content;
  if (isComplete()) return python;
  const install = async () => {
    if (isComplete()) return; // by another process, meanwhile
    note(`creating a Python environment in ${folder} (6 GB, minutes)`);
    await ensureDir(folder);
    await run(
      'python3',
      ['-m', 'venv', folder],
      'install Python 3.11 or newer with venv (Debian: python3-venv)',
    );
    await run(
      python,
      ['-m', 'pip', 'install', '--progress-bar', 'off', ...packages],
      "check 'pip config list'",
    );
    writeFileSync(stamp, content);
  };
  await withLock(folder, install, () =>
    note('another process is creating the Python environment; waiting for it'),
  );
  return python;
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} advice
 */
async function run(program, args, advice) {
  try {
    await execa(program, args);
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    throw new PythonError(`${error.message}\n${advice}`, { cause: error });
  }
}
