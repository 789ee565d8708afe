import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { emitProgram } from '../../../src/graph/emit.ts';
import type { Program } from '../../../src/graph/program.ts';
import { record } from '../../../src/graph/record.ts';
import { simplify } from '../../../src/graph/simplify.ts';
import { supportsExplicitPrecision } from '../../../src/graph/xla/matmul.ts';
import type { XlaTarget } from '../../../src/graph/xla/ops.ts';
import { injectLora } from '../../../src/lora/index.ts';
import { GraphBuilder } from '../../../src/tensorflow/native/graph-builder.ts';
import { Session } from '../../../src/tensorflow/native/session.ts';
import { withExplicitPrecision } from '../../../src/tensorflow/tensor-float32.ts';
import { CompiledEngine } from '../../../src/training/engines/compiled.ts';
import { recordStep } from '../../../src/training/engines/compiled-step.ts';
import type { TrainingTask } from '../../../src/training/index.ts';
import { largestRelativeDifference, lossesOf, rowsOf } from '../../helpers/engines.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

function lossesInGpuForm(task: TrainingTask, steps: number): Float32Array {
  const engine = new CompiledEngine(task, recordStep(task), {
    jit: true,
    target: 'gpu',
    stepsPerIteration: 1,
  });
  const losses = engine.run(rowsOf(task, steps));
  engine.dispose();
  return losses;
}

/** The result of a program of two inputs in the form for GPUs, as XLA computes it on this device. */
function runInGpuForm(
  program: Program,
  operands: readonly tf.Tensor[],
  explicitPrecision = false,
): tf.Tensor {
  const graph = new GraphBuilder();
  const feeds = program.inputs.map((spec, index) => graph.placeholder(`input${index}`, spec));
  const { outputs } = graph.cluster('form', () =>
    emitProgram(program, {
      graph,
      xla: 'gpu',
      explicitPrecision,
      controlInputs: [],
      input: (index) => feeds[index]!,
      variable: () => '',
      constant: (spec, values) => graph.constant(spec, values),
    }),
  );
  const out = graph.add('XlaClusterOutput', [outputs[0]!], { T: { type: 'float32' } });
  const result = graph.identity(out, 'float32', 'result');
  const session = new Session(graph.nodes);
  const values = operands.map((one, index) => {
    const { shape } = program.inputs[index]!;
    return [
      feeds[index]!,
      { dtype: 'float32' as const, shape, values: one.dataSync() as Float32Array },
    ] as const;
  });
  const run = () => session.read(Object.fromEntries(values), [result]);
  const [read] = explicitPrecision ? withExplicitPrecision(run) : run();
  session.dispose();
  const { node, output } = program.outputs[0]!;
  return tf.tensor(read as Float32Array, [...program.nodes[node]!.outputs[output]!.shape]);
}

/** Images of 4 x 4 pixels through a convolution and max pooling; the filters are few, so that windows hold ties. */
function pooled(poolSize: number, size: number): tf.LayersModel {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 3 });
  const layers = [
    tf.layers.conv2d({ filters: 3, kernelSize: 5 - size, kernelInitializer, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize }),
  ];
  return smallNet({ inputShape: [4, 4, 1], layers });
}

/** A first layer of a few taps, which is written out, and one of many, which is not. */
function convolved(padding: 'same' | 'valid', kernelSize: number): tf.LayersModel {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 3 });
  const layer = (filters: number, size: number) =>
    tf.layers.conv2d({ filters, kernelSize: size, padding, kernelInitializer, activation: 'relu' });
  return smallNet({ inputShape: [4, 4, 1], layers: [layer(5, kernelSize), layer(2, 2)] });
}

function deep(): tf.LayersModel {
  const layer = (units: number) =>
    tf.layers.dense({ units, kernelInitializer: tf.initializers.glorotUniform({ seed: units }) });
  return smallNet({ layers: [layer(24), layer(20)] });
}

const models: Record<string, () => tf.LayersModel> = {
  'products over the few rows of a batch': () => smallNet(),
  'products over many units': deep,
  'a convolution without margins': () => convolved('valid', 3),
  'a convolution with even margins': () => convolved('same', 3),
  'a convolution with uneven margins': () => convolved('same', 2),
  'a convolution of one pixel': () => convolved('valid', 1),
  'adapters, whose products run over the rank': () => injectLora(smallNet(), { rank: 2, alpha: 3 }),
  'max pooling that covers everything': () => pooled(2, 4),
  'max pooling that leaves a margin': () => pooled(2, 3),
};

test.for(Object.keys(models))('%s: the form for GPUs trains as the eager engine does', (name) => {
  const expected = lossesOf('eager', smallTask({ model: models[name]!() }), 30);
  const losses = lossesInGpuForm(smallTask({ model: models[name]!() }), 30);
  expect(largestRelativeDifference(losses, expected)).toBeLessThan(1e-5);
});

/** The ops of a step in the form for a target, or as TensorFlow has them. */
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

test('the form for GPUs has neither matrix products nor gradients of pooling as TensorFlow writes them', () => {
  const { program } = recordStep(smallTask({ model: pooled(2, 4) }));
  const replaced = ['MatMul', 'MaxPoolGrad'];
  expect(replaced.filter((op) => opsOf(program).has(op))).toEqual(replaced);
  expect(replaced.filter((op) => opsOf(program, 'gpu').has(op))).toEqual([]);
});

/** A product of a matrix that keeps `rows` of each sum of `terms` with one that keeps `columns`. */
const productOf = (rows: number, terms: number, columns: number, [a, b]: readonly [boolean, boolean]) => {
  const shapes = [a ? [terms, rows] : [rows, terms], b ? [columns, terms] : [terms, columns]];
  const { program } = record(
    (left, right) => [tf.matMul(left!, right!, a, b)],
    shapes.map((shape) => ({ shape, dtype: 'float32' as const })),
  );
  return simplify(program);
};

test.for([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const)('a product of matrices lying %j is that of TensorFlow, whatever its size', (transposed) => {
  const sizes = [
    [7, 5, 6],
    [7, 40, 6],
    [300, 200, 100],
  ] as const;
  for (const [rows, terms, columns] of sizes) {
    const program = productOf(rows, terms, columns, transposed);
    const operands = program.inputs.map(({ shape }, index) =>
      tf.randomUniform(shape as [number, number], -1, 1, 'float32', index),
    ) as [tf.Tensor2D, tf.Tensor2D];
    const expected = tf.matMul(...operands, ...transposed);
    for (const stated of [false, true]) {
      const result = runInGpuForm(program, operands, stated);
      expect(tf.sub(result, expected).abs().max().dataSync()[0]).toBeLessThan(1e-4);
    }
  }
});

test('a product is written out, summed, or left to XLA, by how many terms and multiplications it has', () => {
  const written = (rows: number, terms: number, columns: number) => [
    ...opsOf(productOf(rows, terms, columns, [false, false]), 'gpu'),
  ];
  expect(written(64, 16, 64)).toEqual(expect.arrayContaining(['Mul', 'AddN']));
  expect(written(64, 17, 64)).toEqual(expect.arrayContaining(['Mul', 'Sum']));
  expect(written(128, 256, 128)).toContain('Sum');
  expect(written(128, 257, 128)).toContain('XlaDotV2');
  const large = productOf(128, 257, 128, [false, false]);
  expect([...opsOf(large, 'gpu', true)]).toContain('XlaCallModule');
  expect(supportsExplicitPrecision(large)).toBe(true);
});

test('a convolution of many terms, or one that leaves places out, stays as it is', () => {
  const ops = (filter: [number, number, number, number], stride: number) => {
    const inputs = [[2, 6, 6, filter[2]], filter].map((shape) => ({ shape, dtype: 'float32' as const }));
    const { program } = record(
      (images, filters) => [tf.conv2d(images as tf.Tensor4D, filters as tf.Tensor4D, stride, 'valid')],
      inputs,
    );
    expect(supportsExplicitPrecision(program)).toBe(false);
    return opsOf(simplify(program), 'gpu').has('Conv2D');
  };
  expect([ops([3, 3, 1, 4], 1), ops([3, 3, 2, 4], 1), ops([3, 3, 1, 4], 2)]).toEqual([false, true, true]);
});

test('AdamW, for which TensorFlow has no op, moves weights in the form for GPUs as it does eagerly', () => {
  const make = () =>
    smallTask({ optimizer: { rule: { kind: 'adamw', weightDecay: 0.1 }, learningRate: 1e-2 } });
  const expected = lossesOf('eager', make(), 30);
  expect(largestRelativeDifference(lossesInGpuForm(make(), 30), expected)).toBeLessThan(1e-5);
});

test('the form for CPUs writes out products of few terms and leaves all else as it is', () => {
  const { program } = recordStep(smallTask({ model: pooled(2, 4) }));
  const written = opsOf(program, 'cpu');
  expect(written.has('MaxPoolGrad')).toBe(true);
  expect(written.has('XlaOptimizationBarrier')).toBe(false);
  const product = (terms: number) => {
    const program = productOf(3, terms, 2, [false, false]);
    return [...opsOf(program, 'cpu')].filter((op) => op === 'MatMul');
  };
  expect([product(10), product(11)]).toEqual([[], ['MatMul']]);
});
