// The commands that the crash campaign kills.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { mustRun } from '../command-line.mjs';
import { writeSmallSet } from '../workplace.mjs';

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} guarantee
 * @property {string} command its words; `@` stands for the folder of the inputs
 * @property {string} output file or folder that the command writes
 * @property {string} [old] input that the output is a copy of before the command
 * @property {boolean} [resumes] whether `--resume` continues it
 * @property {boolean} [grows] whether the output may be incomplete; the same command continues it
 */

const COMPLETE = 'old or new, complete';
const RESUMED = `${COMPLETE}; resumes to the same bits`;
const CONTINUED = 'continues to the same results';
const QUICK = '--engine eager --quiet';
const GUARD = '--replay 0.5 --max-drop 50 --validation 0.5 --check-every 8';

/** @type {readonly Scenario[]} */
export const SCENARIOS = [
  {
    name: 'pretrain',
    guarantee: RESUMED,
    command: `pretrain --data @/data --steps 20 --head linear ${QUICK} --out new`,
    output: 'new',
    resumes: true,
  },
  {
    name: 'finetune',
    guarantee: RESUMED,
    command: `finetune @/base --data @/data --digits 2,3 --lr 0.05 --steps 24 ${GUARD} ${QUICK} --out new`,
    output: 'new',
    resumes: true,
  },
  {
    name: 'finetune --overwrite',
    guarantee: RESUMED,
    command: `finetune @/base --data @/data --digits 4,5 --steps 20 ${QUICK} --out run --overwrite`,
    output: 'run',
    old: 'tuned',
    resumes: true,
  },
  {
    name: 'finetune --resume',
    guarantee: RESUMED,
    command: `finetune @/base --data @/data --digits 2,3 --lr 0.05 --steps 24 ${GUARD} ${QUICK} --out run --resume`,
    output: 'run',
    old: 'stopped',
    resumes: true,
  },
  {
    name: 'sweep',
    guarantee: CONTINUED,
    command:
      'sweep @/base --data @/data --device cpu --digits 2,3 --seeds 0 --steps 2,3 --held-out 0.5 --jobs 1 --quiet --out new',
    output: 'new',
    grows: true,
  },
  {
    name: 'inject-lora --overwrite',
    guarantee: COMPLETE,
    command: 'inject-lora @/base --rank 3 --quiet --out run --overwrite',
    output: 'run',
    old: 'tuned',
  },
  {
    name: 'merge',
    guarantee: COMPLETE,
    command: 'merge @/tuned --quiet --out new',
    output: 'new',
  },
  {
    name: 'import weights',
    guarantee: COMPLETE,
    command: 'import @/weights.safetensors --into @/base --quiet --out run --overwrite',
    output: 'run',
    old: 'tuned',
  },
  {
    name: 'import adapter',
    guarantee: COMPLETE,
    command: 'import @/adapter --into @/base --quiet --out new',
    output: 'new',
  },
  {
    name: 'export --overwrite',
    guarantee: COMPLETE,
    command: 'export @/tuned --quiet --out weights.safetensors --overwrite',
    output: 'weights.safetensors',
    old: 'weights.safetensors',
  },
  {
    name: 'export --adapter --overwrite',
    guarantee: COMPLETE,
    command: 'export @/other --adapter --quiet --out adapter --overwrite',
    output: 'adapter',
    old: 'adapter',
  },
  {
    name: 'data subset --overwrite',
    guarantee: COMPLETE,
    command: 'data subset --data @/data --count 2 --out set --overwrite --json',
    output: 'set',
    old: 'set',
  },
  {
    name: 'data import',
    guarantee: COMPLETE,
    command: 'data import @/pictures --size 8 --out new --json',
    output: 'new',
  },
  {
    name: 'play --out',
    guarantee: COMPLETE,
    command: 'play @/base --data @/data --quiet --out new',
    output: 'new',
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
