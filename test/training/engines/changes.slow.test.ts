import * as tf from '@tensorflow/tfjs';
import { afterEach, test } from 'vitest';
import { changes, expectChange } from '../../helpers/engine-changes.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();
afterEach(() => tf.disposeVariables());

test.for(
  Object.keys(changes).flatMap((name) =>
    (['graph', 'xla'] as const).map((engine) => [name, engine] as const),
  ),
)('%s counts from the next call on (%s)', ([name, engine]) => {
  expectChange(name, engine);
});
