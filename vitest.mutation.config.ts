import { defineConfig } from 'vitest/config';

/** `npm run test:mutation`: the tests of the modules that stryker.config.json names. They run without TensorFlow. */
export default defineConfig({
  test: {
    include: ['test/{data,gates,metrics,text,safetensors,report}/**/*.test.ts'],
    exclude: ['test/**/*.slow.test.ts'],
    testTimeout: 30_000,
  },
});
