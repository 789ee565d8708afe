import type { PeftFiles } from '../../peft/index.ts';
import type { Sample } from '../protocol.ts';

/** What the browser keeps between visits, for each base. */
export interface Kept {
  /** Undefined without an adapter. */
  readonly adapter?: PeftFiles;
  readonly samples: readonly Sample[];
  readonly strength: number;
}

const STORE = 'adapters';

/** Stores what was taught in IndexedDB. Every function fails if the browser does not allow it, or its storage is full. */
export class Keep {
  readonly #key: string;
  readonly #channel = new BroadcastChannel('tfjs-lora-play');

  /**
   * @param baseHash content hash of the base: another base has other adapters
   * @param onOtherTab called when another tab has stored something for the same base
   */
  constructor(baseHash: string, onOtherTab: () => void) {
    this.#key = `${location.pathname} ${baseHash}`;
    this.#channel.addEventListener('message', ({ data }) => {
      if (data === this.#key) onOtherTab();
    });
  }

  async read(): Promise<Kept | undefined> {
    return (await this.#run('readonly', (store) => store.get(this.#key))) as Kept | undefined;
  }

  async write(kept: Kept): Promise<void> {
    await this.#run('readwrite', (store) => store.put(kept, this.#key));
    this.#channel.postMessage(this.#key);
  }

  async #run(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
    const database = await promised(openDatabase());
    try {
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      await new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error('the browser stopped it'));
        transaction.onerror = () => reject(transaction.error ?? new Error('the browser stopped it'));
      });
      return request.result;
    } finally {
      database.close();
    }
  }
}

function openDatabase(): IDBOpenDBRequest {
  const request = indexedDB.open('tfjs-lora-play', 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return request;
}

function promised<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
