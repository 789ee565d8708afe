import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { emitProgram } from '../../../src/graph/emit.ts';
import { GraphBuilder } from '../../../src/graph/graph-builder.ts';
import { injectLora } from '../../../src/lora/index.ts';
import { CompiledEngine } from '../../../src/training/engines/compiled.ts';
import { recordStep } from '../../../src/training/engines/compiled-step.ts';
import type { TrainingTask } from '../../../src/training/index.ts';
import { largestRelativeDifference, lossesOf, rowsOf } from '../../helpers/engines.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

function lossesInGpuForm(task: TrainingTask, steps: number): Float32Array {
  const engine = new CompiledEngine(task, recordStep(task), { jit: true, gpu: true, stepsPerIteration: 1 });
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

test('the form for GPUs has neither matrix products nor gradients of pooling as TensorFlow writes them', () => {
  const graph = new GraphBuilder();
  const { program } = recordStep(smallTask({ model: pooled(2, 4) }));
  const ops = (gpu: boolean) => {
    const first = graph.nodes.length;
    emitProgram(program, {
      graph,
      gpu,
      controls: [],
      input: (index) => graph.placeholder(`input${first}-${index}`, program.inputs[index]!),
      variable: (index) => graph.placeholder(`variable${first}-${index}`, program.variables[index]!),
      constant: ({ outputs, values }) => graph.constant(outputs[0]!, values),
    });
    return new Set(graph.nodes.slice(first).map(({ op }) => op));
  };
  const replaced = ['MatMul', 'MaxPoolGrad'];
  expect(replaced.filter((op) => ops(false).has(op))).toEqual(replaced);
  expect(replaced.filter((op) => ops(true).has(op))).toEqual([]);
});
