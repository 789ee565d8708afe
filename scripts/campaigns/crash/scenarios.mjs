// The commands that the crash campaign kills.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { mustRun } from '../command-line.mjs';
import { writeSmallSet } from '../workplace.mjs';

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} promise
 * @property {string} command its words; `@` stands for the folder of the inputs
 * @property {string} place file or folder that the command writes
 * @property {string} [old] input that is in the place before
 * @property {boolean} [resumes] whether `--resume` continues it
 * @property {boolean} [grows] whether the place may hold a part; the same command continues it
 */

const WHOLE = 'old or new, whole';
const RESUMED = `${WHOLE}; resumes to the same bits`;
const CONTINUED = 'continues to the same results';
const QUICK = '--engine eager --quiet';
const GUARD = '--replay 0.5 --max-drop 50 --validation 0.5 --check-every 8';

/** @type {readonly Scenario[]} */
export const SCENARIOS = [
  {
    name: 'pretrain',
    promise: RESUMED,
    command: `pretrain --data @/data --steps 20 --head linear ${QUICK} --out new`,
    place: 'new',
    resumes: true,
  },
  {
    name: 'finetune',
    promise: RESUMED,
    command: `finetune @/base --data @/data --digits 2,3 --lr 0.05 --steps 24 ${GUARD} ${QUICK} --out new`,
    place: 'new',
    resumes: true,
  },
  {
    name: 'finetune --overwrite',
    promise: RESUMED,
    command: `finetune @/base --data @/data --digits 4,5 --steps 20 ${QUICK} --out run --overwrite`,
    place: 'run',
    old: 'tuned',
    resumes: true,
  },
  {
    name: 'finetune --resume',
    promise: RESUMED,
    command: `finetune @/base --data @/data --digits 2,3 --lr 0.05 --steps 24 ${GUARD} ${QUICK} --out run --resume`,
    place: 'run',
    old: 'stopped',
    resumes: true,
  },
  {
    name: 'sweep',
    promise: CONTINUED,
    command:
      'sweep @/base --data @/data --device cpu --digits 2,3 --seeds 0 --steps 2,3 --held-out 0.5 --jobs 1 --quiet --out new',
    place: 'new',
    grows: true,
  },
  {
    name: 'inject-lora --overwrite',
    promise: WHOLE,
    command: 'inject-lora @/base --rank 3 --quiet --out run --overwrite',
    place: 'run',
    old: 'tuned',
  },
  {
    name: 'merge',
    promise: WHOLE,
    command: 'merge @/tuned --quiet --out new',
    place: 'new',
  },
  {
    name: 'import weights',
    promise: WHOLE,
    command: 'import @/weights.safetensors --into @/base --quiet --out run --overwrite',
    place: 'run',
    old: 'tuned',
  },
  {
    name: 'import adapter',
    promise: WHOLE,
    command: 'import @/adapter --into @/base --quiet --out new',
    place: 'new',
  },
  {
    name: 'export --overwrite',
    promise: WHOLE,
    command: 'export @/tuned --quiet --out weights.safetensors --overwrite',
    place: 'weights.safetensors',
    old: 'weights.safetensors',
  },
  {
    name: 'export --adapter --overwrite',
    promise: WHOLE,
    command: 'export @/other --adapter --quiet --out adapter --overwrite',
    place: 'adapter',
    old: 'adapter',
  },
  {
    name: 'data subset --overwrite',
    promise: WHOLE,
    command: 'data subset --data @/data --count 2 --out set --overwrite --json',
    place: 'set',
    old: 'set',
  },
  {
    name: 'data import',
    promise: WHOLE,
    command: 'data import @/pictures --size 8 --out new --json',
    place: 'new',
  },
];

/**
 * Writes the inputs of all scenarios.
 *
 * @param {string} folder
 */
export async function writeInputs(folder) {
  await writeSmallSet(join(folder, 'data'));
  writePictures(join(folder, 'pictures'));
  await mustRun(folder, `pretrain --steps 8 --head linear ${QUICK} --out base`);
  await mustRun(folder, `finetune base --digits 2,3 --steps 4 ${QUICK} --out tuned`);
  await mustRun(folder, `finetune base --digits 2,3 --rank 4 --bias all --steps 4 ${QUICK} --out other`);
  await mustRun(folder, 'export base --quiet --out weights.safetensors');
  await mustRun(folder, 'export tuned --adapter --quiet --out adapter');
  await mustRun(folder, 'data subset --data data --count 1 --out set --json');
  let sent = false;
  const interrupt = {
    onTrainingProgress: () => {
      if (!sent) process.kill(process.pid, 'SIGINT');
      sent = true;
    },
  };
  const stopped = `finetune base --data data --digits 2,3 --lr 0.05 --steps 24 ${GUARD} ${QUICK} --out stopped`;
  await mustRun(folder, stopped, interrupt, 130);
}

/** @param {string} folder */
function writePictures(folder) {
  for (const label of [0, 1]) {
    mkdirSync(join(folder, String(label)), { recursive: true });
    for (let index = 0; index < 3; index++) {
      const png = new PNG({ width: 8, height: 8 });
      for (let byte = 0; byte < png.data.length; byte++) {
        png.data[byte] = byte % 4 === 3 ? 255 : (16 * (byte >> 2) * (index + 1) + 99 * label) % 256;
      }
      writeFileSync(join(folder, String(label), `${index}.png`), PNG.sync.write(png));
    }
  }
}
