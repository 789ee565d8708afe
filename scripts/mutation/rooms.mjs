/** Where the reports of Stryker are written, and what it keeps between runs. */
export const FOLDER = '.stryker-tmp';

/**
 * @typedef {object} Room
 * @property {string[]} mutate patterns of the files to change
 * @property {string[]} tests patterns of the tests that must notice
 */

/** @type {(name: string) => Room} */
const folder = (name) => ({
  mutate: [`src/${name}/*.ts`, '!src/**/index.ts'],
  tests: [`test/${name}/**/*.test.ts`],
});

/**
 * Code that does not use TensorFlow, with its own tests: those of other rooms would take most of the time.
 *
 * @type {Readonly<Record<string, Room>>}
 */
export const ROOMS = {
  metrics: folder('metrics'),
  gates: folder('gates'),
  data: folder('data'),
  'mnist-data-loader': folder('mnist-data-loader'),
  safetensors: folder('safetensors'),
  patterns: folder('patterns'),
  files: folder('files'),
  text: {
    mutate: ['src/{escape,quote}.ts', 'src/text/*.ts', '!src/**/index.ts'],
    tests: ['test/text/*.test.ts'],
  },
  'arguments, random': {
    mutate: ['src/{arguments,random}.ts'],
    tests: ['test/{arguments,random}.test.ts'],
  },
  report: {
    mutate: ['src/report/{wording,results}.ts'],
    tests: ['test/report/text.test.ts'],
  },
  // The index of the room loads TensorFlow, so that each change takes some seconds.
  sweep: {
    mutate: ['src/sweep/{grid,halving,recommend,scores}.ts'],
    tests: ['test/sweep/{grid,halving,recommend}.test.ts'],
  },
  schedule: {
    mutate: ['src/training/optimizers/schedule.ts'],
    tests: ['test/training/optimizers/schedule.test.ts'],
  },
};

/** The room that this process works with. */
export const ROOM_VARIABLE = 'TFJS_LORA_MUTATION_ROOM';

/** @returns {Room & { name: string }} */
export function currentRoom() {
  const name = process.env[ROOM_VARIABLE] ?? 'metrics';
  const room = ROOMS[name];
  if (!room) throw new Error(`${ROOM_VARIABLE}: unknown room ${name}`);
  return { ...room, name };
}
