import { expect, test } from 'vitest';
import { stepOperations } from '../../../scripts/bench/operations.mjs';

test('a step computes the output and the gradients of weights and inputs of each layer', () => {
  const [first, second, third] = [784 * 256, 256 * 128, 128 * 10];
  expect(stepOperations({ model: 'digits', batch: 10 })).toBe(20 * (2 * first + 3 * second + 3 * third));
  const [wide, hidden, last] = [784 * 4096, 4096 * 4096, 4096 * 10];
  expect(stepOperations({ model: 'wide', width: 4096, batch: 512 })).toBe(
    1024 * (2 * wide + 3 * hidden + 3 * last),
  );
});

test('frozen weights have no gradient, adapters do', () => {
  const frozen = 784 * 256 + 2 * (256 * 128 + 128 * 10);
  const adapters = 2 * (2 * 784 + 3 * 256) + 3 * 2 * (256 + 128) + 3 * 2 * (128 + 10);
  expect(stepOperations({ model: 'lora', batch: 10 })).toBe(20 * (frozen + adapters));
});

test('a convolution multiplies at every position of its window', () => {
  const [first, second, dense] = [26 * 26 * 32 * 9, 11 * 11 * 64 * 9 * 32, 1600 * 10];
  expect(stepOperations({ model: 'cnn', batch: 128 })).toBe(256 * (2 * first + 3 * second + 3 * dense));
});
