/** The program of the thread that `OrdersAhead` starts: draws the requested orders, earlier epochs first. */
import { workerData } from 'node:worker_threads';
import { epochOrder, type OrderOptions } from '../data/index.ts';
import type { OrderSlots } from './orders-ahead.ts';

const { options, slots } = workerData as { readonly options: OrderOptions; readonly slots: OrderSlots };
const { orders, state, requests } = slots;

for (;;) {
  const requestsSeen = Atomics.load(requests, 0);
  const epoch = nextRequestedEpoch();
  if (epoch === undefined) {
    Atomics.wait(requests, 0, requestsSeen);
    continue;
  }
  const slot = epoch % state.length;
  const order = epochOrder(options, epoch);
  orders.set(order, slot * order.length);
  Atomics.store(state, slot, 1 + epoch);
  Atomics.notify(state, slot);
}

function nextRequestedEpoch(): number | undefined {
  const epochs = Array.from(state, (_, slot) => -1 - Atomics.load(state, slot)).filter((epoch) => epoch >= 0);
  return epochs.length > 0 ? Math.min(...epochs) : undefined;
}
