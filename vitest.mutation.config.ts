import { defineConfig } from 'vitest/config';

/** `npm run test:mutation`: the tests of the modules that stryker.config.json names. They run without TensorFlow. */
export default defineConfig({
  test: {
    include: [
      'test/{data,gates,metrics,text,report}/**/*.test.ts',
      'test/training/optimizers/schedule.test.ts',
    ],
    exclude: ['test/**/{html.test,*.slow.test}.ts'],
    testTimeout: 30_000,
  },
});
