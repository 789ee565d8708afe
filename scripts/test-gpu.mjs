// Runs the tests that compute with native TensorFlow on a CUDA device, or prints why it cannot.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { loadTensorFlow } from '../dist/tensorflow/index.js';

try {
  await loadTensorFlow({ device: 'cuda' });
} catch (error) {
  console.log(`no test was run: ${/** @type {Error} */ (error).message}`);
  process.exit(0);
}
// Started by its path, so that Node alone is enough.
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const args = ['run', '--config', 'vitest.gpu.config.ts', ...process.argv.slice(2)];
process.exitCode = spawnSync(process.execPath, [vitest, ...args], { stdio: 'inherit' }).status ?? 1;
