import * as tf from '@tensorflow/tfjs';
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { completeWasmKernels } from '../../kernels/index.ts';
import { injectLora } from '../../lora/index.ts';
import { createDigitsNet, mnistNormalization } from '../../models/index.ts';
import { classificationTask, EagerEngine } from '../../training/index.ts';
import { BACKENDS, type BackendName } from '../protocol.ts';
import { BATCH_SIZE } from './teach.ts';

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
    return tf.getBackend() === name && computes();
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

/** Whether results come back right: some drivers return NaN where a backend reads synchronously, as training does. */
function computes(): boolean {
  const values = tf.tidy(() =>
    tf
      .matMul(
        tf.tensor2d([
          [1, 2],
          [3, 4],
        ]),
        tf.tensor2d([[0.5], [-1]]),
      )
      .dataSync(),
  );
  return values[0] === -1.5 && values[1] === -2.5;
}

const WARM_UP_STEPS = 2;
const MEASURED_STEPS = 5;

/** Measures a training step of an adapter on every backend that this browser has. Takes a second or two. */
export async function measureBackends(): Promise<Partial<Record<BackendName, number>>> {
  const times: Partial<Record<BackendName, number>> = {};
  for (const name of BACKENDS) {
    if (name === 'cpu' && times.wasm !== undefined) continue;
    if (await useBackend(name)) times[name] = measureSteps();
  }
  return times;
}

/** The median time in ms of a step that trains an adapter on DigitsNet. */
function measureSteps(): number {
  const base = createDigitsNet();
  const model = injectLora(base, { rank: 2 });
  const count = BATCH_SIZE;
  const dataset = {
    images: new Uint8Array(count * 784).fill(9),
    labels: new Uint8Array(count),
    count,
    height: 28,
    width: 28,
    classes: 10,
  };
  const task = classificationTask({
    model,
    dataset,
    normalization: mnistNormalization,
    batchSize: count,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    seed: 0,
  });
  const engine = new EagerEngine(task);
  const rows = Int32Array.from({ length: count }, (_, row) => row);
  try {
    for (let index = 0; index < WARM_UP_STEPS; index++) engine.run(rows);
    const times = Array.from({ length: MEASURED_STEPS }, () => {
      const start = performance.now();
      engine.run(rows);
      return performance.now() - start;
    });
    return times.sort((a, b) => a - b)[Math.floor(MEASURED_STEPS / 2)]!;
  } finally {
    engine.dispose();
    model.dispose();
    base.dispose();
  }
}
