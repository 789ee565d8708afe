import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { createDigitsNet, requireLogits } from '../../src/models/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice('js');

const endingIn = (...layers: tf.layers.Layer[]) =>
  tf.sequential({ layers: [tf.layers.dense({ name: 'out', units: 3, inputShape: [2] }), ...layers] });

test('requireLogits accepts models that end in logits, also with a ReLU head', () => {
  for (const model of [createDigitsNet(), createDigitsNet({ head: 'linear' }), endingIn()]) {
    expect(() => requireLogits(model)).not.toThrow();
  }
});

test.for([
  [
    "layer 'p': ends the model with a softmax",
    () => endingIn(tf.layers.dense({ name: 'p', units: 3, activation: 'softmax' })),
  ],
  ["layer 's': ends the model with a softmax", () => endingIn(tf.layers.softmax({ name: 's' }))],
  [
    "layer 'a': ends the model with a softmax",
    () => endingIn(tf.layers.activation({ name: 'a', activation: 'softmax' })),
  ],
  [
    "layer 'g': ends the model with a sigmoid",
    () => endingIn(tf.layers.dense({ name: 'g', units: 1, activation: 'sigmoid' })),
  ],
] as const)('requireLogits rejects a model: %s', ([message, model]) => {
  expect(() => requireLogits(model())).toThrow(UsageError);
  expect(() => requireLogits(model())).toThrow(`${message}, but logits are needed`);
});
