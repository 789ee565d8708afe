import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TensorFlowError } from '../errors.ts';
import { ensureDir } from '../files/index.ts';
import { type SetUpListener, sizeText } from './listener.ts';
import { type Wheel, wheelPython } from './releases.ts';
import { failureReason, run } from './run.ts';

const PROGRESS_EVERY_MS = 200;

/**
 * Downloads a wheel with pip, which knows the user's package index, mirror, proxy and certificates.
 *
 * @param folder an empty folder for pip's temporary files and the wheel
 * @returns path of the wheel, whose content is not checked yet
 * @throws TensorFlowError if there is no pip, or it fails
 */
export async function pipDownload(wheel: Wheel, folder: string, listener: SetUpListener): Promise<string> {
  const python = await pythonWithPip();
  await ensureDir(folder);
  const requirement = `${wheel.name}==${wheel.version}`;
  listener.onStep(`downloading ${requirement} (${sizeText(wheel.sizeBytes)}) with pip`);
  const report = (doneBytes: number) =>
    listener.onDownload?.({ name: wheel.name, doneBytes, totalBytes: wheel.sizeBytes });
  const timer = setInterval(() => report(Math.min(largestFile(folder), wheel.sizeBytes)), PROGRESS_EVERY_MS);
  const { ok, output } = await run(python, downloadArguments(wheel, requirement, folder), { TMPDIR: folder });
  clearInterval(timer);
  const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (ok && file) {
    report(wheel.sizeBytes);
    return join(folder, file);
  }
  throw new TensorFlowError(
    'download-failed',
    `pip cannot download ${requirement} (${failureReason(output)}); check the network and 'pip config list'`,
  );
}

function downloadArguments({ platform }: Wheel, requirement: string, folder: string): string[] {
  return [
    '-m',
    'pip',
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--python-version',
    wheelPython,
    '--platform',
    platform,
    '--progress-bar',
    'off',
    '--disable-pip-version-check',
    '--no-input',
    '--dest',
    folder,
    requirement,
  ];
}

/** Size of the largest file in a folder and its subfolders, which is the wheel that pip is writing. */
function largestFile(folder: string): number {
  let largest = 0;
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const file = statSync(join(folder, name), { throwIfNoEntry: false });
      if (file?.isFile()) largest = Math.max(largest, file.size);
    }
  } catch {
    // pip removes subfolders while it works.
  }
  return largest;
}

/** The Python that `PYTHON` names, else the first of `python3` and `python` that has pip. */
async function pythonWithPip(): Promise<string> {
  const { PYTHON } = process.env;
  let withoutPip: string | undefined;
  for (const python of PYTHON ? [PYTHON] : ['python3', 'python']) {
    const { ok, notFound } = await run(python, ['-m', 'pip', '--version']);
    if (ok) return python;
    if (!notFound) withoutPip ??= python;
  }
  if (PYTHON) {
    const problem = withoutPip ? 'has no pip' : 'cannot be run';
    throw new TensorFlowError('pip-missing', `PYTHON=${PYTHON}: ${problem}; it must name a Python with pip`);
  }
  const problem = withoutPip ? `${withoutPip} has no pip` : 'no Python found';
  throw new TensorFlowError(
    'pip-missing',
    `${problem}, which is needed to download TensorFlow; install it (Debian, Ubuntu: apt install python3-pip)`,
  );
}
