// Runs the tests of what native TensorFlow computes on a CUDA device, or says why it cannot.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadTensorFlow } from '../dist/tensorflow/index.js';

try {
  await loadTensorFlow({ device: 'cuda' });
} catch (error) {
  console.log(`skipped, no test was run: ${/** @type {Error} */ (error).message}`);
  process.exit(0);
}
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const args = ['run', '--config', 'vitest.gpu.config.ts', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, [vitest, ...args], { stdio: 'inherit' }).status ?? 1;
