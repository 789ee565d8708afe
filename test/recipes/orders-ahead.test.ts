import { afterEach, describe, expect, test } from 'vitest';
import { type OrderOptions, samplerOfOrders, shuffledSampler } from '../../src/data/index.ts';
import { OrdersAhead } from '../../src/recipes/orders-ahead.ts';
import { trainingSampler } from '../../src/recipes/training-sampler.ts';

const created: OrdersAhead[] = [];
afterEach(() => {
  for (const ahead of created.splice(0)) ahead.dispose();
});
function ordersAhead(options: OrderOptions): OrdersAhead {
  created.push(new OrdersAhead(options));
  return created.at(-1)!;
}

const givenRows = Int32Array.from({ length: 70 }, (_, index) => 3 * index + 7);
const order = ({ rows, ...options }: OrderOptions, epoch: number) => {
  const count = typeof rows === 'number' ? rows : rows.length;
  return shuffledSampler({ rows, ...options }).take(epoch * count, count);
};

/** Blocks until the thread has drawn an order that was requested. */
function waitFor({ slots: { state } }: OrdersAhead, epoch: number): void {
  const slot = epoch % state.length;
  expect(Atomics.load(state, slot)).toBeOneOf([-1 - epoch, 1 + epoch]);
  // The limit only ends a test that hangs.
  expect(Atomics.wait(state, slot, -1 - epoch, 600_000)).not.toBe('timed-out');
}
const isShared = (values: Int32Array) => values.buffer instanceof SharedArrayBuffer;

describe.each([
  ['a number of rows', { rows: 70, seed: 3 }],
  ['given rows', { rows: givenRows, seed: 4 }],
  ['a stream', { rows: givenRows, seed: 4, stream: 1 }],
])('with %s', (_, options) => {
  test('the thread draws the orders of the next epochs', () => {
    const ahead = ordersAhead(options);
    ahead.orderOf(0);
    ahead.orderOf(1);
    for (let epoch = 2; epoch < 60; epoch++) {
      waitFor(ahead, epoch);
      const drawn = ahead.orderOf(epoch);
      expect(isShared(drawn)).toBe(true);
      expect(Int32Array.from(drawn)).toEqual(order(options, epoch));
    }
  });

  test('a sampler returns the rows of shuffledSampler at every position, in any sequence', () => {
    const ahead = ordersAhead(options);
    const sampler = samplerOfOrders(options, (epoch) => ahead.orderOf(epoch));
    const expected = shuffledSampler(options);
    for (const [first, count] of [
      [0, 1000],
      [999, 71],
      [4000, 500],
      [3990, 20],
      [140, 300],
      [0, 10],
      [4500, 3000],
    ] as const)
      expect(sampler.take(first, count)).toEqual(expected.take(first, count));
  });
});

/** The exit code of the next thread that is started. */
const nextExit = () =>
  new Promise<number>((resolve) => {
    process.once('worker', (worker) => worker.once('exit', resolve));
  });

test('dispose ends the thread; further orders are drawn here', async () => {
  const options = { rows: 70, seed: 3 };
  const exit = nextExit();
  const ahead = ordersAhead(options);
  ahead.orderOf(0);
  ahead.orderOf(1);
  ahead.dispose();
  expect(await exit).toBe(1);
  for (let epoch = 0; epoch < 40; epoch++)
    expect(Int32Array.from(ahead.orderOf(epoch))).toEqual(order(options, epoch));
});

test('draws all orders here if the thread fails', async () => {
  // Converts to 3 here. The thread gets a copy without the method, which cannot be converted.
  class Seed {
    valueOf = undefined;
    toString = undefined;
    [Symbol.toPrimitive]() {
      return 3;
    }
  }
  const exit = nextExit();
  const ahead = ordersAhead({ rows: 70, seed: new Seed() as unknown as number });
  for (let epoch = 0; epoch < 40; epoch++) {
    expect(ahead.orderOf(epoch)).toEqual(order({ rows: 70, seed: 3 }, epoch));
    if (epoch === 1) expect(await exit).toBe(1);
  }
});

test('draws all orders here if the thread cannot start', () => {
  const ahead = ordersAhead({ rows: 70, seed: 3, notCloneable: () => {} } as OrderOptions);
  for (let epoch = 0; epoch < 40; epoch++)
    expect(ahead.orderOf(epoch)).toEqual(order({ rows: 70, seed: 3 }, epoch));
});

test('keeps 16 orders of few rows, and two of many', () => {
  expect(ordersAhead({ rows: 60_000, seed: 0 }).slots.orders.length).toBe(16 * 60_000);
  expect(ordersAhead({ rows: 600_000, seed: 0 }).slots.orders.length).toBe(2 * 600_000);
  const ahead = ordersAhead({ rows: 600_000, seed: 0 });
  ahead.orderOf(0);
  ahead.orderOf(1);
  waitFor(ahead, 2);
  expect(Int32Array.from(ahead.orderOf(2))).toEqual(order({ rows: 600_000, seed: 0 }, 2));
});

test('epochs beyond the range of the shared integers are drawn here', () => {
  const ahead = ordersAhead({ rows: 3, seed: 0 });
  for (const epoch of [2 ** 31 - 4, 2 ** 31 - 3, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 2 ** 40, 5])
    expect(Int32Array.from(ahead.orderOf(epoch))).toEqual(order({ rows: 3, seed: 0 }, epoch));
});

test('training uses the thread on a GPU only, and ends it with the scope', () => {
  const registered: OrdersAhead[] = [];
  const scope = {
    temporary<T>(value: T) {
      registered.push(value as OrdersAhead);
      return value;
    },
  };
  const options = { rows: 70, seed: 3 };
  for (const device of ['cpu', 'wasm', 'js', 'cuda'] as const) {
    const sampler = trainingSampler(options, { device }, scope);
    expect(sampler.take(0, 500)).toEqual(shuffledSampler(options).take(0, 500));
    expect(registered.length).toBe(device === 'cuda' ? 1 : 0);
  }
  created.push(...registered);
});
