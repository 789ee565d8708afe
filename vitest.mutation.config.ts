import { defineConfig } from 'vitest/config';
import { currentRoom } from './scripts/mutation/rooms.mjs';

/** The tests that Stryker runs for one room (`npm run test:mutation`). They run without native TensorFlow. */
export default defineConfig({
  test: { include: currentRoom().tests, exclude: ['test/**/*.slow.test.ts'], testTimeout: 60_000 },
});
