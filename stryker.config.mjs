import { currentRoom, FOLDER } from './scripts/mutation/rooms.mjs';

const { name, mutate } = currentRoom();

/** Settings of one room; `npm run test:mutation` starts Stryker for each. */
export default {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  plugins: ['@stryker-mutator/vitest-runner'],
  mutate,
  mutator: { excludedMutations: ['StringLiteral'] },
  ignorePatterns: ['/dist', '/runs', '/data', '/docs', '/examples', `/${FOLDER}`],
  coverageAnalysis: 'perTest',
  // What runs when a module is loaded needs all tests of the room for each change.
  ignoreStatic: true,
  timeoutMS: 30_000,
  concurrency: Number(process.env.TFJS_LORA_MUTATION_JOBS ?? 2),
  incremental: true,
  incrementalFile: `${FOLDER}/${name}.json`,
  reporters: ['clear-text', 'progress-append-only'],
  clearTextReporter: { logTests: false, reportTests: false, reportScoreTable: false, allowColor: false },
};
