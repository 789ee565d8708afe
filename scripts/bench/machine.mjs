import { execFileSync } from 'node:child_process';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import { nativeState } from '../../dist/setup/index.js';
import { cudaFacts } from '../../dist/tensorflow/index.js';

/**
 * The hardware and the versions that results depend on.
 *
 * @param {string} [python] path of a Python with PyTorch and JAX
 * @param {'cpu' | 'cuda'} [device]
 */
export function describeMachine(python, device = 'cpu') {
  const cuda = device === 'cuda' ? cudaFacts(undefined) : undefined;
  return {
    ...(cuda && { cards: cuda.cards, driver: cuda.driver }),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    loadAverage: loadavg()[0] ?? 0,
    startedAt: new Date().toISOString(),
    versions: {
      node: process.versions.node,
      tfjs: tf.version.tfjs,
      tensorflow: nativeState(device).nativePackage?.marker?.tensorflow ?? 'unknown',
      ...(python && pythonVersions(python)),
    },
  };
}

/**
 * @param {string} python
 * @returns {Record<string, string>}
 */
function pythonVersions(python) {
  const script =
    'import json, platform; from importlib.metadata import version; ' +
    'print(json.dumps({"python": platform.python_version(), **{n: version(n) for n in ("torch", "jax", "numpy")}}))';
  return JSON.parse(execFileSync(python, ['-c', script], { encoding: 'utf8' }));
}
