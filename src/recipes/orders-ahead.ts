import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { epochOrder, type OrderOptions } from '../data/index.ts';

/**
 * Large data sets get fewer slots, to limit the memory. A call of an engine on a GPU takes about 200,000 rows, so the slots
 * cover several calls.
 */
const MOST_ROWS_IN_SLOTS = 2 ** 20;
const MOST_SLOTS = 16;
/** Two slots are the fewest: the order that is read, and the next one. */
const FEWEST_SLOTS = 2;
/** Epochs from this one on do not fit into the state of a slot. */
const END_OF_EPOCHS = 2 ** 31 - 1;

/** Memory that is shared with the thread. */
export interface OrderSlots {
  /** One order after the other [slots * rows]. */
  readonly orders: Int32Array;
  /**
   * What is in each slot [slots]. `-1 - epoch`: the order of an epoch is requested, and the thread may write to the slot.
   * `1 + epoch`: the order was drawn, and only the main thread uses the slot. 0: not used yet.
   */
  readonly state: Int32Array;
  /** Number of calls that requested orders [1]. The thread waits for it to change. */
  readonly requests: Int32Array;
}

/**
 * Draws the orders of the next epochs in a thread, while the main thread waits for a GPU.
 *
 * The main thread draws an order itself if it is not ready in time, or if the thread cannot run. So the orders never depend on
 * timing. The thread starts when the second order is read, because many trainings need only one.
 */
export class OrdersAhead {
  readonly slots: OrderSlots;
  readonly #options: OrderOptions;
  readonly #rowCount: number;
  #worker: Worker | undefined;
  #calls = 0;

  constructor(options: OrderOptions) {
    const { rows } = options;
    this.#options = options;
    this.#rowCount = typeof rows === 'number' ? rows : rows.length;
    const fitting = Math.floor(MOST_ROWS_IN_SLOTS / this.#rowCount);
    const slotCount = Math.max(FEWEST_SLOTS, Math.min(MOST_SLOTS, fitting));
    this.slots = {
      orders: sharedIntegers(slotCount * this.#rowCount),
      state: sharedIntegers(slotCount),
      requests: sharedIntegers(1),
    };
  }

  /** Returns the order of an epoch [rows]. The next call may overwrite it. */
  orderOf(epoch: number): Int32Array {
    const { orders, state } = this.slots;
    if (++this.#calls === 2) this.#worker = startWorker(this.#options, this.slots);
    if (this.#worker) this.#requestAfter(epoch);
    const slot = epoch % state.length;
    if (Atomics.load(state, slot) !== 1 + epoch) return epochOrder(this.#options, epoch);
    return orders.subarray(slot * this.#rowCount, (slot + 1) * this.#rowCount);
  }

  /** Ends the thread. */
  dispose(): void {
    void this.#worker?.terminate();
  }

  /** Requests the orders that follow an epoch, in all slots but its own. */
  #requestAfter(epoch: number): void {
    const { state, requests } = this.slots;
    for (let next = epoch + 1; next < Math.min(epoch + state.length, END_OF_EPOCHS); next++) {
      const slot = next % state.length;
      const current = Atomics.load(state, slot);
      const isRequested = current < 0;
      if (!isRequested && current !== 1 + next) Atomics.store(state, slot, -1 - next);
    }
    Atomics.add(requests, 0, 1);
    Atomics.notify(requests, 0);
  }
}

/** Starts the thread. It does not keep the process alive. */
function startWorker(options: OrderOptions, slots: OrderSlots): Worker | undefined {
  const program = import.meta.url.endsWith('.ts')
    ? '../../dist/recipes/draw-orders-main.js'
    : './draw-orders-main.js';
  try {
    const worker = new Worker(fileURLToPath(new URL(program, import.meta.url)), {
      workerData: { options, slots },
      execArgv: [],
    });
    // Without a listener, an error in the thread would end the process. The main thread then draws all orders.
    worker.on('error', () => {}).unref();
    return worker;
  } catch {
    return undefined; // for example under `node --permission`
  }
}

const sharedIntegers = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));
