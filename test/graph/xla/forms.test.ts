import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { emitProgram } from '../../../src/graph/emit.ts';
import { GraphBuilder } from '../../../src/graph/graph-builder.ts';
import type { Program } from '../../../src/graph/program.ts';
import { record } from '../../../src/graph/record.ts';
import { simplify } from '../../../src/graph/simplify.ts';
import type { XlaTarget } from '../../../src/graph/xla/forms.ts';
import { injectLora } from '../../../src/lora/index.ts';
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

/** Images of 4 x 4 pixels through a convolution and max pooling; the filters are few, so that windows hold ties. */
function pooled(poolSize: number, size: number): tf.LayersModel {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 3 });
  const layers = [
    tf.layers.conv2d({ filters: 3, kernelSize: 5 - size, kernelInitializer, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize }),
  ];
  return smallNet({ inputShape: [4, 4, 1], layers });
}

const models: Record<string, () => tf.LayersModel> = {
  'products over the few rows of a batch': () => smallNet(),
  'adapters, whose products run over the rank': () => injectLora(smallNet(), { rank: 2, alpha: 3 }),
  'max pooling that covers everything': () => pooled(2, 4),
  'max pooling that leaves a margin': () => pooled(2, 3),
};

test.for(Object.keys(models))('%s: the form for GPUs trains as the eager engine does', (name) => {
  const expected = lossesOf('eager', smallTask({ model: models[name]!() }), 30);
  const losses = lossesInGpuForm(smallTask({ model: models[name]!() }), 30);
  expect(largestRelativeDifference(losses, expected)).toBeLessThan(1e-5);
});

test('products over more rows than are written out stay products', () => {
  const make = () => smallTask({ model: smallNet(), batchSize: 30 });
  expect(largestRelativeDifference(lossesInGpuForm(make(), 10), lossesOf('eager', make(), 10))).toBeLessThan(
    1e-5,
  );
});

/** The ops of a step in the form for a target, or as TensorFlow has them. */
function opsOf(program: Program, xla?: XlaTarget): Set<string> {
  const graph = new GraphBuilder();
  emitProgram(program, {
    graph,
    xla,
    controls: [],
    input: (index) => graph.placeholder(`input${index}`, program.inputs[index]!),
    variable: (index) => graph.placeholder(`variable${index}`, program.variables[index]!),
    constant: ({ outputs, values }) => graph.constant(outputs[0]!, values),
  });
  return new Set(graph.nodes.map(({ op }) => op));
}

test('the form for GPUs has neither matrix products nor gradients of pooling as TensorFlow writes them', () => {
  const { program } = recordStep(smallTask({ model: pooled(2, 4) }));
  const replaced = ['MatMul', 'MaxPoolGrad'];
  expect(replaced.filter((op) => opsOf(program).has(op))).toEqual(replaced);
  expect(replaced.filter((op) => opsOf(program, 'gpu').has(op))).toEqual([]);
});

test('the form for CPUs writes out products of few terms and leaves all else as it is', () => {
  const { program } = recordStep(smallTask({ model: pooled(2, 4) }));
  const written = opsOf(program, 'cpu');
  expect(written.has('MaxPoolGrad')).toBe(true);
  expect(written.has('XlaOptimizationBarrier')).toBe(false);
  const product = (terms: number) => {
    const { program } = record(
      (a, b) => [tf.matMul(a!, b!)],
      [
        { shape: [3, terms], dtype: 'float32' },
        { shape: [terms, 2], dtype: 'float32' },
      ],
    );
    return [...opsOf(simplify(program), 'cpu')].filter((op) => op === 'MatMul');
  };
  expect([product(10), product(11)]).toEqual([[], ['MatMul']]);
});
