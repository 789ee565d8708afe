import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import {
  emitProgram,
  type Program,
  record,
  simplify,
  supportsExplicitPrecision,
  type XlaTarget,
} from '../../../src/graph/index.ts';
import { injectLora } from '../../../src/lora/index.ts';
import {
  GraphBuilder,
  type HostTensor,
  runOpOutputs,
  Session,
  withExplicitPrecision,
} from '../../../src/tensorflow/index.ts';
import { largestRelativeDifference, lossesOf } from '../../helpers/engines.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const seeded = (seed: number) => tf.initializers.glorotUniform({ seed });

/** A convolution and max pooling on images of 4 x 4 pixels. With so few filters some windows hold their maximum twice. */
function pooled(poolSize: number, size: number): tf.LayersModel {
  const layers = [
    tf.layers.conv2d({
      filters: 3,
      kernelSize: 5 - size,
      kernelInitializer: seeded(3),
      activation: 'relu',
    }),
    tf.layers.maxPooling2d({ poolSize }),
  ];
  return smallNet({ inputShape: [4, 4, 1], layers });
}

/** A convolution with few taps, which is lowered, and one with many, which is not. */
function convolved(padding: 'same' | 'valid', kernelSize: number): tf.LayersModel {
  const layer = (filters: number, size: number) =>
    tf.layers.conv2d({
      filters,
      kernelSize: size,
      padding,
      kernelInitializer: seeded(3),
      activation: 'relu',
    });
  return smallNet({ inputShape: [4, 4, 1], layers: [layer(5, kernelSize), layer(2, 2)] });
}

function deep(): tf.LayersModel {
  const layer = (units: number) => tf.layers.dense({ units, kernelInitializer: seeded(units) });
  return smallNet({ layers: [layer(24), layer(20)] });
}

const models: Record<string, () => tf.LayersModel> = {
  'products over the rows of a small batch': () => smallNet(),
  'products over many units': deep,
  'a convolution without padding': () => convolved('valid', 3),
  'a convolution with even padding': () => convolved('same', 3),
  'a convolution with uneven padding': () => convolved('same', 2),
  'a convolution of one pixel': () => convolved('valid', 1),
  'adapters, with products over the rank': () => injectLora(smallNet(), { rank: 2, alpha: 3 }),
  'max pooling that covers all pixels': () => pooled(2, 4),
  'max pooling that leaves pixels over': () => pooled(2, 3),
};

// Losses of 30 steps. Rounding differs, as sums are in another order, and grows from step to step.
test.for(Object.keys(models))('lowered for GPUs, %s train as eagerly', (name) => {
  const expected = lossesOf('eager', smallTask({ model: models[name]!() }), 30);
  const losses = lossesOf('xla for gpu', smallTask({ model: models[name]!() }), 30);
  expect(largestRelativeDifference(losses, expected)).toBeLessThan(1e-5);
});

test('lowered for GPUs, AdamW trains as eagerly', () => {
  const optimizer = { rule: { kind: 'adamw', weightDecay: 0.1 }, learningRate: 1e-2 } as const;
  const expected = lossesOf('eager', smallTask({ optimizer }), 30);
  const losses = lossesOf('xla for gpu', smallTask({ optimizer }), 30);
  expect(largestRelativeDifference(losses, expected)).toBeLessThan(1e-5);
});

/** The ops in the graph of a program, lowered for a target. */
function opsOf(program: Program, xla?: XlaTarget, explicitPrecision = false): Set<string> {
  const graph = new GraphBuilder();
  emitProgram(program, {
    graph,
    xla,
    explicitPrecision,
    controlInputs: [],
    input: (index) => graph.placeholder(`input${index}`, program.inputs[index]!),
    variable: (index) => graph.placeholder(`variable${index}`, program.variables[index]!),
    constant: (spec, values) => graph.constant(spec, values),
  });
  return new Set(graph.nodes.map(({ op }) => op));
}

/** The gradients of all weights of a model on a batch of six. */
function gradientsOf(model: tf.LayersModel): Program {
  const shape = [6, ...model.inputs[0]!.shape.slice(1)] as number[];
  const weights = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const { program } = record(
    (images) => {
      const loss = () => tf.sum(model.apply(images!) as tf.Tensor) as tf.Scalar;
      return Object.values(tf.variableGrads(loss, weights).grads);
    },
    [{ shape, dtype: 'float32' }],
  );
  return simplify(program);
}

test('for GPUs, matrix products and gradients of max pooling are replaced', () => {
  const program = gradientsOf(pooled(2, 4));
  const replaced = ['MatMul', 'MaxPoolGrad'];
  expect(replaced.filter((op) => opsOf(program).has(op))).toEqual(replaced);
  expect(replaced.filter((op) => opsOf(program, 'gpu').has(op))).toEqual([]);
});

test('for CPUs, gradients of max pooling are kept', () => {
  expect(opsOf(gradientsOf(pooled(2, 4)), 'cpu')).toContain('MaxPoolGrad');
});

test('cross entropy gets an optimization barrier for GPUs only', () => {
  const attributes = { T: { type: 'float32' }, Tlabels: { type: 'int32' } } as const;
  const { program } = record(
    (logits, labels) =>
      runOpOutputs('SparseSoftmaxCrossEntropyWithLogits', attributes, [logits!, labels!], 2),
    [
      { shape: [6, 3], dtype: 'float32' },
      { shape: [6], dtype: 'int32' },
    ],
  );
  expect(opsOf(program, 'gpu')).toContain('XlaOptimizationBarrier');
  expect(opsOf(program, 'cpu')).not.toContain('XlaOptimizationBarrier');
});

/** The product of two matrices, [rows, columns], each element a sum over `terms`. */
function productOf(
  [rows, terms, columns]: readonly [number, number, number],
  [transposeA, transposeB]: readonly [boolean, boolean] = [false, false],
): Program {
  const shapes = [
    transposeA ? [terms, rows] : [rows, terms],
    transposeB ? [columns, terms] : [terms, columns],
  ];
  const { program } = record(
    (a, b) => [tf.matMul(a!, b!, transposeA, transposeB)],
    shapes.map((shape) => ({ shape, dtype: 'float32' as const })),
  );
  return simplify(program);
}

/** The result of a program of two inputs, lowered for GPUs and compiled by XLA for the device at hand. */
function runLoweredForGpu(
  program: Program,
  operands: readonly tf.Tensor[],
  explicitPrecision: boolean,
): tf.Tensor {
  const graph = new GraphBuilder();
  const placeholders = program.inputs.map((spec, index) => graph.placeholder(`input${index}`, spec));
  const { outputs } = graph.cluster('lowered', () =>
    emitProgram(program, {
      graph,
      xla: 'gpu',
      explicitPrecision,
      controlInputs: [],
      input: (index) => placeholders[index]!,
      variable: () => {
        throw new Error('programs with variables are not supported here');
      },
      constant: (spec, values) => graph.constant(spec, values),
    }),
  );
  const output = graph.add('XlaClusterOutput', [outputs[0]!], { T: { type: 'float32' } });
  const result = graph.identity(output, 'float32', 'result');
  const session = new Session(graph.nodes);
  const feeds = operands.map(({ shape }, index): [string, HostTensor] => {
    const values = operands[index]!.dataSync() as Float32Array;
    return [placeholders[index]!, { dtype: 'float32', shape, values }];
  });
  const run = () => session.read(Object.fromEntries(feeds), [result]);
  const [values] = explicitPrecision ? withExplicitPrecision(run) : run();
  session.dispose();
  const ref = program.outputs[0]!;
  return tf.tensor(values as Float32Array, [...program.nodes[ref.node]!.outputs[ref.output]!.shape]);
}

test.for([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const)('a product of matrices (transposed: %j) equals that of TensorFlow at any size', (transposed) => {
  const sizes = [
    [7, 5, 6], // unrolled
    [7, 40, 6], // by broadcasting, if not both are transposed
    [300, 200, 100], // a dot
  ] as const;
  for (const size of sizes) {
    const program = productOf(size, transposed);
    const operands = program.inputs.map(({ shape }, index) =>
      tf.randomUniform(shape as [number, number], -1, 1, 'float32', index + 1),
    ) as [tf.Tensor2D, tf.Tensor2D];
    const expected = tf.matMul(...operands, ...transposed);
    for (const explicitPrecision of [false, true]) {
      const result = runLoweredForGpu(program, operands, explicitPrecision);
      // Sums of up to 200 terms below 1, in another order.
      expect(tf.sub(result, expected).abs().max().dataSync()[0]).toBeLessThan(1e-4);
    }
  }
});

test('for GPUs, the size of a product decides whether it is unrolled, broadcast or a dot', () => {
  const lowered = (...size: [number, number, number]) => [...opsOf(productOf(size), 'gpu')];
  expect(lowered(64, 16, 64)).toEqual(expect.arrayContaining(['Mul', 'AddN']));
  expect(lowered(64, 17, 64)).toEqual(expect.arrayContaining(['Mul', 'Sum']));
  expect(lowered(128, 256, 128)).toContain('Sum');
  expect(lowered(128, 257, 128)).toContain('XlaDotV2');
  const large = productOf([128, 257, 128]);
  expect(supportsExplicitPrecision(large)).toBe(true);
  expect(opsOf(large, 'gpu', true)).toContain('XlaCallModule');
});

test('for CPUs, products of up to 10 terms are unrolled', () => {
  const isMatMul = (terms: number) => opsOf(productOf([3, terms, 2]), 'cpu').has('MatMul');
  expect([isMatMul(10), isMatMul(11)]).toEqual([false, true]);
});

test('convolutions with many taps or strides are kept', () => {
  const isConv2D = (filter: [number, number, number, number], stride: number) => {
    const inputs = [[2, 6, 6, filter[2]], filter].map((shape) => ({ shape, dtype: 'float32' as const }));
    const { program } = record(
      (images, filters) => [tf.conv2d(images as tf.Tensor4D, filters as tf.Tensor4D, stride, 'valid')],
      inputs,
    );
    expect(supportsExplicitPrecision(program)).toBe(false);
    return opsOf(simplify(program), 'gpu').has('Conv2D');
  };
  expect(isConv2D([3, 3, 1, 4], 1)).toBe(false);
  expect(isConv2D([3, 3, 2, 4], 1)).toBe(true);
  expect(isConv2D([3, 3, 1, 4], 2)).toBe(true);
});
