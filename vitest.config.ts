import { defineConfig } from 'vitest/config';

const slow = 'test/**/*.slow.test.ts';
const alone = 'test/**/*.alone.test.ts';
/** Limits end a test that hangs. They are far above what tests take on a loaded machine. */
const shared = { pool: 'forks', testTimeout: 1_800_000, hookTimeout: 1_800_000 } as const;
/** Files of a process share native TensorFlow, which takes its threads from the environment when it is first loaded. */
const oneThread = { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' };

/**
 * `fast` and `alone` contain what `npm run check` runs. The files of `fast` share two processes, so that modules are loaded
 * once; those of `alone` mock modules, send signals or load several backends. `slow` trains on all of MNIST or starts programs.
 */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: 'fast',
          isolate: false,
          env: oneThread,
          include: ['test/**/*.test.ts'],
          exclude: [slow, alone],
        },
      },
      { test: { ...shared, name: 'alone', include: [alone] } },
      { test: { ...shared, name: 'slow', include: [slow] } },
    ],
  },
});
