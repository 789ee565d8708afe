import { defineConfig } from 'vitest/config';

const slow = 'test/**/*.slow.test.ts';
/** Limits end a test that hangs. They are far above what tests take on a loaded machine. */
const shared = { pool: 'forks', testTimeout: 1_800_000, hookTimeout: 1_800_000 } as const;

/** `fast` holds what `npm run check` runs; `slow` trains on the whole of MNIST or starts other programs. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'fast', include: ['test/**/*.test.ts'], exclude: [slow] } },
      { test: { ...shared, name: 'slow', include: [slow] } },
    ],
  },
});
