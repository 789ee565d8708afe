import * as tf from '@tensorflow/tfjs';
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { completeWasmKernels } from '../../kernels/index.ts';
import { BACKENDS, type BackendName } from '../protocol.ts';

/** Loads the code of each backend, which registers it. */
const loaders: Readonly<Record<BackendName, () => Promise<unknown>>> = {
  webgpu: async () => {
    await import('@tensorflow/tfjs-backend-webgpu');
  },
  webgl: async () => {
    await import('@tensorflow/tfjs-backend-webgl');
  },
  wasm: async () => {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    const names = [
      'tfjs-backend-wasm.wasm',
      'tfjs-backend-wasm-simd.wasm',
      'tfjs-backend-wasm-threaded-simd.wasm',
    ];
    setWasmPaths(Object.fromEntries(names.map((name) => [name, wasmUrl])) as never);
    completeWasmKernels();
  },
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    // tfjs would print a banner that recommends tfjs-node.
    (tf.findBackend('cpu') as unknown as { firstUse: boolean }).firstUse = false;
  },
};

/** Makes tfjs use a backend. Returns false if this browser does not have it. */
export async function useBackend(name: BackendName): Promise<boolean> {
  try {
    if (!(await mayWork(name))) return false;
    await loaders[name]();
    if (!(await tf.setBackend(name))) return false;
    await tf.ready();
    return tf.getBackend() === name;
  } catch {
    return false;
  }
}

/** Whether to load the code of a backend at all. */
async function mayWork(name: BackendName): Promise<boolean> {
  if (name === 'webgpu') {
    const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<unknown> } };
    return gpu !== undefined && (await gpu.requestAdapter()) !== null;
  }
  if (name === 'webgl') {
    if (typeof OffscreenCanvas === 'undefined') return false;
    // Without float32 textures, logits would have three digits.
    const context = new OffscreenCanvas(1, 1).getContext('webgl2');
    return context?.getExtension('EXT_color_buffer_float') != null;
  }
  return name === 'cpu' || typeof WebAssembly === 'object';
}

const WARM_UP_STEPS = 3;
const MEASURED_STEPS = 7;

/** Measures a training step of a small network on every backend that this browser has. Takes a second or two. */
export async function measureBackends(): Promise<Partial<Record<BackendName, number>>> {
  const times: Partial<Record<BackendName, number>> = {};
  for (const name of BACKENDS) {
    if (name === 'cpu' && times.wasm !== undefined) continue;
    if (await useBackend(name)) times[name] = measureSteps();
  }
  return times;
}

/** The median time of a step in ms: two products of matrices and their gradients, and reading a loss. */
function measureSteps(): number {
  const images = tf.ones([16, 784]);
  const kernel = tf.variable(tf.fill([784, 256], 0.01));
  const factor = tf.variable(tf.fill([256, 8], 0.01));
  const step = () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(
        () =>
          tf
            .matMul(tf.relu(tf.matMul(images, kernel)), factor)
            .square()
            .mean() as tf.Scalar,
      );
      factor.assign(tf.sub(factor, tf.mul(grads[factor.name]!, 1e-3)));
      return value.dataSync();
    });
  try {
    for (let index = 0; index < WARM_UP_STEPS; index++) step();
    const times = Array.from({ length: MEASURED_STEPS }, () => {
      const start = performance.now();
      step();
      return performance.now() - start;
    });
    return times.sort((a, b) => a - b)[Math.floor(MEASURED_STEPS / 2)]!;
  } finally {
    tf.dispose([images, kernel, factor]);
  }
}
