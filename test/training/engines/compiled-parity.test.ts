import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { injectLora, type LoraConfig, loraLayers } from '../../../src/lora/index.ts';
import { loadMnist, type Mnist } from '../../../src/mnist-data-loader/index.ts';
import { mnistNormalization as normalization } from '../../../src/models/index.ts';
import { classificationTask } from '../../../src/training/index.ts';
import { engineOf } from '../../helpers/engines.ts';
import { largestDifference, type ParityFixture, type Phase, parityFixture } from '../../helpers/parity.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

let fixture: ParityFixture;
let mnist: Mnist;

beforeAll(async () => {
  fixture = await parityFixture();
  mnist = await loadMnist();
});

function losses(kind: 'graph' | 'xla', model: tf.LayersModel, order: 'order' | 'fine_order'): Float32Array {
  const task = classificationTask({
    model,
    dataset: mnist.train,
    normalization,
    batchSize: 10,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    seed: 0,
  });
  const engine = engineOf(kind, task);
  const steps = order === 'order' ? 300 : 100;
  try {
    return engine.run(fixture.order(order).take(0, steps * 10));
  } finally {
    engine.dispose();
  }
}

const engines = ['graph', 'xla'] as const;

test.for(engines)('%s: 300 steps of pretraining have the losses that PyTorch computes', (kind) => {
  const found = losses(kind, fixture.model('init'), 'order');
  expect(largestDifference(found, fixture.expected.pretrain.losses)).toBeLessThan(2e-5);
});

const forms: [Phase, LoraConfig, (layer: string) => tf.Tensor][] = [
  ['method1', { rank: 2, alpha: 1, method: 'weight-view' }, (layer) => fixture.tensor(`method1.${layer}.A`)],
  ['method2', { rank: 2, alpha: 1, bias: 'all' }, (layer) => fixture.tensor(`method2.${layer}.A`)],
  ['peft', { rank: 2, alpha: 4 }, (layer) => fixture.tensor(`peft.${layer}.lora_A`).transpose()],
];

test.for(engines.flatMap((kind) => forms.map((form) => [kind, ...form] as const)))(
  '%s: 100 steps of LoRA as %s have the losses that PyTorch computes',
  ([kind, phase, config, startOf]) => {
    const model = injectLora(fixture.model('trained'), config);
    for (const { path, layer } of loraLayers(model)) {
      const { a } = layer.adapters.get('default')!;
      tf.tidy(() => (a!.read() as tf.Variable).assign(startOf(path)));
    }
    const found = losses(kind, model, 'fine_order');
    expect(largestDifference(found, fixture.expected[phase].losses)).toBeLessThan(2e-5);
  },
);
