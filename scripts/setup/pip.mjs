import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { largestFile, megabytes, withProgress } from './progress.mjs';
import { wheelPython } from './releases.mjs';
import { reason, run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Fetches one wheel with pip, which knows the user's index, mirror, proxy and certificates.
 *
 * @param {import('./releases.mjs').Wheel} wheel
 * @param {string} folder where pip works and leaves the file; emptied by the caller
 * @param {(line: string) => void} note
 * @returns {Promise<string>} path of the file, not checked yet
 */
export async function pipDownload(wheel, folder, note) {
  const python = await pythonWithPip();
  mkdirSync(folder, { recursive: true });
  const requirement = `${wheel.name}==${wheel.version}`;
  note(`downloading ${requirement} (${megabytes(wheel.sizeBytes)}) with pip`);
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--python-version', wheelPython];
  args.push(
    '--platform',
    wheel.platform,
    '--progress-bar',
    'off',
    '--disable-pip-version-check',
    '--no-input',
  );
  args.push('--dest', folder, requirement);
  const { code, output } = await withProgress(
    { label: wheel.name, totalBytes: wheel.sizeBytes, doneBytes: () => largestFile(folder), note },
    () => run(python, args, { env: { ...process.env, TMPDIR: folder } }),
  );
  const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (code !== 0 || !file) {
    throw new SetupError(
      `pip could not fetch ${requirement} (${reason(output)}); check the network and 'pip config list', or name a wheel in TFJS_LORA_TENSORFLOW`,
    );
  }
  return join(folder, file);
}

async function pythonWithPip() {
  let found;
  for (const python of [process.env.PYTHON, 'python3', 'python'].filter((name) => name !== undefined)) {
    const { code } = await run(python, ['-m', 'pip', '--version']);
    if (code === 0) return python;
    if (code !== 127) found ??= python;
  }
  throw new SetupError(
    found
      ? `${found} has no pip, which fetches TensorFlow; install it (Debian, Ubuntu: apt install python3-pip), or name a wheel in TFJS_LORA_TENSORFLOW`
      : 'no Python, whose pip fetches TensorFlow; install it (Debian, Ubuntu: apt install python3-pip), or name a wheel in TFJS_LORA_TENSORFLOW',
  );
}
