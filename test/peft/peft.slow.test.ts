import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { addAdapter, injectLora, type LoraConfig, setActiveAdapters } from '../../src/lora/index.ts';
import { loadPeft, savePeft } from '../../src/peft/index.ts';
import { writeSafetensors } from '../../src/safetensors/index.ts';
import { assignStateDict, toStateDict } from '../../src/torch/index.ts';
import { disturbAdapters } from '../helpers/disturb.ts';
import { runPython, withPython } from '../helpers/python.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import {
  ROUNDING,
  relativeDifference,
  type TorchModelName,
  torchExpected,
  torchModels,
  torchStateDict,
} from '../helpers/torch-models.ts';
import { randomTensor, sequential } from '../lora/models.ts';

useDevice();

const CASES: Readonly<Record<string, readonly [TorchModelName, LoraConfig]>> = {
  'all layers': ['text', { rank: 3, alpha: 7 }],
  convolutions: ['cnn', { rank: 2, alpha: 5, targets: ['stem', 'conv1', 'conv2', 'mix', 'linear1'] }],
  'a target whose name is the end of another path': [
    'cnn',
    { rank: 2, alpha: 5, targets: /linear1|block\.conv1/ },
  ],
  rsLoRA: ['cnn', { rank: 3, alpha: 2, rslora: true, targets: ['stem', 'linear1'] }],
  DoRA: ['cnn', { rank: 2, alpha: 5, dora: true, targets: ['stem', 'conv2', 'linear1', 'linear2'] }],
  'DoRA of conv1d': ['text', { rank: 2, alpha: 5, dora: true, targets: ['conv', 'linear'] }],
  'DoRA of an embedding': ['text', { rank: 2, alpha: 5, dora: true, targets: ['tokens', 'linear'] }],
  patterns: [
    'cnn',
    {
      rank: 3,
      alpha: 4,
      targets: ['stem', 'conv1', 'conv2', 'linear1', 'linear2'],
      rankPattern: { 'block\\.conv\\d': 2, linear2: 1 },
      alphaPattern: { conv2: 9 },
    },
  ],
  'trained biases of adapted layers': [
    'cnn',
    { rank: 2, alpha: 5, bias: 'lora-only', targets: ['stem', 'linear1'] },
  ],
  'all biases trained': ['sequential', { rank: 2, alpha: 5, bias: 'all', targets: ['2'] }],
  'all biases trained, including those of normalization layers': [
    'cnn',
    { rank: 2, alpha: 5, bias: 'all', targets: ['stem'] },
  ],
  'fully trained normalization and embedding layers': [
    'text',
    { rank: 2, alpha: 5, targets: ['conv'], modulesToSave: ['norm', 'tokens'] },
  ],
  'fully trained batch normalization': [
    'cnn',
    { rank: 2, alpha: 5, targets: ['stem'], modulesToSave: ['block.norm'] },
  ],
  'fully trained dense and convolution layers': [
    'cnn',
    { rank: 2, alpha: 5, targets: ['stem'], modulesToSave: ['linear1', 'block.conv2'] },
  ],
  PiSSA: ['cnn', { rank: 2, alpha: 5, init: 'pissa', targets: ['stem', 'linear1'] }],
  'OLoRA with rsLoRA': [
    'text',
    { rank: 2, alpha: 5, init: 'olora', rslora: true, targets: ['conv', 'linear'] },
  ],
  'method weight': ['text', { rank: 2, alpha: 5, method: 'weight', targets: ['conv', 'linear', 'tokens'] }],
};

const NAMES = Object.keys(CASES);

/** Loads the adapter of each folder onto the PyTorch model with the same weights, saves it again and prints the logits. */
const SCRIPT = `
import json, sys, warnings
sys.path.insert(0, "scripts/fixtures")
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch_models import MODELS
warnings.simplefilter("error")
results = []
for case in json.loads(sys.argv[1]):
    model = MODELS[case["model"]][0]()
    model.load_state_dict(load_file(case["folder"] + "/base.safetensors"))
    inputs = load_file("test/fixtures/torch/expected.safetensors")[case["model"] + ".input"]
    inputs = inputs.long() if inputs.dtype == torch.int32 else inputs
    adapted = PeftModel.from_pretrained(model, case["folder"]).eval()
    results.append(adapted(inputs).tolist())
    adapted.save_pretrained(case["folder"] + "/again")
print(json.dumps(results))
`;

describe.runIf(withPython)('adapters saved by this library', () => {
  test('have the same logits in PEFT, and after PEFT has saved them again', async () => {
    const root = await temporaryFolder();
    const models = new Map<string, tf.LayersModel>();
    for (const [name, [base, config]] of Object.entries(CASES)) {
      const folder = join(root, name);
      const plain = await baseOf(base);
      const model = injectLora(plain, config);
      disturbAdapters(model);
      await savePeft(model, folder, { peftOnly: true });
      await writeSafetensors(join(folder, 'base.safetensors'), toStateDict(plain));
      models.set(name, model);
    }
    const cases = NAMES.map((name) => ({ model: CASES[name]![0], folder: join(root, name) }));
    const results = JSON.parse(await runPython(SCRIPT, [JSON.stringify(cases)])) as number[][][];
    for (const [index, name] of NAMES.entries()) {
      const base = CASES[name]![0];
      const input = await torchExpected(`${base}.input`);
      const logits = models.get(name)!.predict(input) as tf.Tensor;
      const difference = relativeDifference(logits, tf.tensor2d(results[index]!));
      expect.soft(difference, `${name}, in PEFT`).toBeLessThan(ROUNDING);
      const back = await loadPeft(await baseOf(base), join(root, name, 'again'));
      expect
        .soft(relativeDifference(back.predict(input) as tf.Tensor, logits), `${name}, back`)
        .toBeLessThan(ROUNDING);
      const change = relativeDifference(logits, await torchExpected(`${base}.logits`));
      // The adapters do change the logits, so equal logits are not those of the base.
      expect.soft(change, `${name}, against its base`).toBeGreaterThan(0.01);
    }
  });
});

/** Loads an adapter onto an LSTM in two directions and a linear layer, saves it again and prints the outputs. */
const RECURRENT_SCRIPT = `
import json, sys
import torch
from peft import PeftModel
from safetensors.torch import load_file
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.memory = torch.nn.LSTM(2, 3, batch_first=True, bidirectional=True)
        self.out = torch.nn.Linear(6, 2)
    def forward(self, x):
        forward, backward = self.memory(x)[0].chunk(2, dim=2)
        return self.out(torch.cat([forward[:, -1], backward[:, 0]], dim=1))
model = Net()
model.load_state_dict(load_file(sys.argv[1] + "/base.safetensors"))
adapted = PeftModel.from_pretrained(model, sys.argv[1]).eval()
adapted.save_pretrained(sys.argv[1] + "/again")
print(json.dumps(adapted(torch.tensor(json.loads(sys.argv[2]))).tolist()))
`;

test.runIf(withPython)(
  'recurrent kernels have the same outputs in PEFT, and when PEFT has saved them',
  async () => {
    const folder = await temporaryFolder();
    const lstm = tf.layers.lstm({ name: 'lstm', units: 3, recurrentActivation: 'sigmoid' }) as tf.RNN;
    const base = sequential(
      tf.layers.bidirectional({
        name: 'memory',
        layer: lstm,
        mergeMode: 'concat',
        inputShape: [4, 2],
      } as Parameters<typeof tf.layers.bidirectional>[0]),
      tf.layers.dense({ name: 'out', units: 2 }),
    );
    const model = injectLora(base, {
      rank: 2,
      alpha: 5,
      targets: ['out'],
      targetWeights: [
        'forward_lstm.kernel',
        'forward_lstm.recurrent_kernel',
        'backward_lstm.recurrent_kernel',
      ],
      rankPattern: { memory: 3 },
      alphaPattern: { out: 3 },
    });
    disturbAdapters(model);
    await savePeft(model, folder, { peftOnly: true });
    await writeSafetensors(join(folder, 'base.safetensors'), toStateDict(base));
    const x = randomTensor([5, 4, 2], 3);
    const outputs = JSON.parse(await runPython(RECURRENT_SCRIPT, [folder, JSON.stringify(x.arraySync())]));
    const expected = model.predict(x) as tf.Tensor;
    expect(relativeDifference(expected, tf.tensor2d(outputs))).toBeLessThan(ROUNDING);
    expect(relativeDifference(expected, base.predict(x) as tf.Tensor)).toBeGreaterThan(0.01);
    const back = await loadPeft(base, join(folder, 'again'));
    expect(relativeDifference(back.predict(x) as tf.Tensor, expected)).toBeLessThan(ROUNDING);
  },
);

/** Loads the adapter of a folder and that of its subfolder `sevens`, saves them again and prints the logits of each. */
const TWO_ADAPTERS_SCRIPT = `
import json, sys
sys.path.insert(0, "scripts/fixtures")
from peft import PeftModel
from safetensors.torch import load_file
from torch_models import MODELS
model = MODELS["cnn"][0]()
model.load_state_dict(load_file("test/fixtures/torch/cnn.safetensors"))
inputs = load_file("test/fixtures/torch/expected.safetensors")["cnn.input"]
adapted = PeftModel.from_pretrained(model, sys.argv[1]).eval()
adapted.load_adapter(sys.argv[1] + "/sevens", "sevens")
results = {"default": adapted(inputs).tolist()}
adapted.set_adapter("sevens")
results["sevens"] = adapted(inputs).tolist()
adapted.save_pretrained(sys.argv[2])
print(json.dumps(results))
`;

describe.runIf(withPython)('several adapters of one model, trained by this library', () => {
  test('have the same logits in PEFT, and load from the folders that PEFT saves them in', async () => {
    const root = await temporaryFolder();
    const base = await baseOf('cnn');
    const model = await loadPeft(base, 'test/fixtures/torch/cnn-conv');
    addAdapter(model, 'sevens', { rank: 3, alpha: 2, targets: ['linear1', 'stem'], rslora: true });
    const input = await torchExpected('cnn.input');
    const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32'), 3);
    const logitsOf = new Map<string, tf.Tensor>();
    for (const adapter of ['default', 'sevens']) {
      setActiveAdapters(model, [adapter]);
      model.compile({ optimizer: tf.train.adam(0.01), loss: tf.losses.softmaxCrossEntropy });
      await model.fit(input, labels, { epochs: 5, batchSize: 6, verbose: 0 });
      logitsOf.set(adapter, model.predict(input) as tf.Tensor);
    }
    const change = relativeDifference(logitsOf.get('default')!, await torchExpected('cnn-conv.logits'));
    expect(change).toBeGreaterThan(1e-3);
    await savePeft(model, join(root, 'ours'), { peftOnly: true });
    const printed = await runPython(TWO_ADAPTERS_SCRIPT, [join(root, 'ours'), join(root, 'theirs')]);
    const results = JSON.parse(printed) as Record<string, number[][]>;
    for (const [adapter, logits] of logitsOf) {
      expect(relativeDifference(tf.tensor2d(results[adapter]!), logits)).toBeLessThan(ROUNDING);
      const back = await loadPeft(base, join(root, 'theirs'), { adapter });
      expect(relativeDifference(back.predict(input) as tf.Tensor, logits)).toBeLessThan(ROUNDING);
    }
  });
});

async function baseOf(name: TorchModelName): Promise<tf.LayersModel> {
  const model = torchModels[name]();
  assignStateDict(model, (await torchStateDict(name)).tensors, { source: name });
  return model;
}
