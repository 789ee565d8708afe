import { defineConfig } from 'vitest/config';

/** `npm run test:gpu`: the tests of what native TensorFlow computes, on a CUDA device. */
export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 4,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    env: { TFJS_LORA_TEST_DEVICE: 'cuda' },
    include: ['test/{training,lora,peft,torch,inference,graph}/**/*.test.ts'],
    // The excluded files load wasm or JavaScript as well, or test what `auto` chooses on a CPU.
    exclude: [
      'test/**/*.slow.test.ts',
      'test/**/{backends,portable,session,create,losses,thread-count}.alone.test.ts',
    ],
  },
});
