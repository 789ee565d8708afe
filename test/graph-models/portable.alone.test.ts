import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora, mergeLora } from '../../src/graph-models/index.ts';
import { setAdapterStrength } from '../../src/lora/index.ts';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { graphOutputs, imageTwins, tokenTwins } from './twins.ts';

test.each(['js', 'wasm'] as const)(
  'device %s: a graph trains and merges, and at strength 0 gives its base',
  async (device) => {
    await loadTensorFlow({ device });
    for (const create of [imageTwins, tokenTwins]) {
      const { graph, input } = create();
      const base = await graph();
      const x = input();
      const adapted = injectLora(base, { rank: 2, alpha: 3 });
      const variables = adapted.trainableWeights.map((weight) => weight.read() as tf.Variable);
      const optimizer = tf.train.adam(0.05);
      const loss = () => tf.mean(tf.square(adapted.predict(x) as tf.Tensor)) as tf.Scalar;
      const losses = [0, 1, 2].map(() => optimizer.minimize(loss, true, variables)!.dataSync()[0]!);
      expect(losses[2]!).toBeLessThan(losses[0]!);
      const trained = graphOutputs(adapted, x);
      expect(largestDifference(graphOutputs(mergeLora(adapted), x), trained)).toBeLessThan(1e-5);
      setAdapterStrength(adapted, 0);
      expect(graphOutputs(adapted, x)).toEqual(graphOutputs(base, x));
    }
  },
);
