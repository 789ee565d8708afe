import { defineConfig } from 'vitest/config';

const slow = 'test/**/*.slow.test.ts';
const shared = { pool: 'forks', testTimeout: 30_000, hookTimeout: 60_000 } as const;

/** `fast` holds what `npm run check` runs; `slow` trains on the whole of MNIST or starts other programs. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'fast', include: ['test/**/*.test.ts'], exclude: [slow] } },
      { test: { ...shared, name: 'slow', include: [slow], testTimeout: 600_000, hookTimeout: 900_000 } },
    ],
  },
});
