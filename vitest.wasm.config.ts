import { defineConfig } from 'vitest/config';

const rooms = [
  'cli',
  'data',
  'files',
  'gates',
  'metrics',
  'mnist-data-loader',
  'models',
  'patterns',
  'peft',
  'pictures',
  'play',
  'queue',
  'recipes',
  'report',
  'runs',
  'safetensors',
  'sweep',
  'tensorboard',
  'text',
  'torch',
  'verification',
];

/** `npm run test:wasm`: the tests of rooms that need no native TensorFlow, for platforms without it. */
export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    env: { TFJS_LORA_TEST_DEVICE: 'wasm' },
    include: ['test/*.test.ts', `test/{${rooms}}/**/*.test.ts`],
    // The excluded files choose `--device cpu`, engines that need native TensorFlow, or expect an empty stderr, to which the
    // command line writes that it runs on wasm.
    exclude: [
      'test/**/*.slow.test.ts',
      'test/cli/{doctor,exchange,inspect,main,pictures,pretrain,verify}{,.alone}.test.ts',
      'test/recipes/{failure-after-training,fit,without-training}{,.alone}.test.ts',
    ],
  },
});
