import { randomUUID } from 'node:crypto';
import { TensorFlowError } from '../../errors.ts';
import { clearXlaCache, deleteCacheFile } from '../../tensorflow-libraries/index.ts';
import { deviceError, oneLine } from '../errors.ts';
import { type NativeBackend, nativeBackend, type TensorMetadata, uploadTensor } from './backend.ts';
import { dataTypeCodes, type HostTensor, type TensorValues } from './dtypes.ts';
import type { NodeDef } from './graph-builder.ts';
import { encodeSavedModel } from './saved-model.ts';

/**
 * XLA could not read compiled code that an earlier process left in its cache. The code has been removed, so
 * that a new session compiles again. This session stays unusable.
 */
export class DamagedCacheError extends TensorFlowError {
  constructor(cause: unknown) {
    super('damaged-cache', `XLA cache: damaged entry removed (${oneLine(cause)}); compile again`, { cause });
  }
}

export interface SessionOptions {
  /**
   * Number of threads that only this session uses, 1 to 127. They end with the session. By default, and if tfjs-node's addon
   * was not compiled by set-up, all sessions share threads.
   */
  readonly threads?: number;
}

/**
 * A graph that TensorFlow has loaded: the last step of `src/graph`. Its variables live in it, on the device,
 * from one run to the next, until the session is disposed.
 *
 * @example
 * const graph = new GraphBuilder();
 * const x = graph.placeholder('x', { dtype: 'float32', shape: [2] });
 * graph.add('AddV2', [x, x], { T: { type: 'float32' } }, 'sum');
 * const session = new Session(graph.nodes);
 * const feeds = { x: { dtype: 'float32', shape: [2], values: Float32Array.of(1, 2) } } as const;
 * session.read(feeds, ['sum']); // [Float32Array [2, 4]]
 */
export class Session {
  readonly #backend: NativeBackend = nativeBackend();
  readonly #id: number;
  #disposed = false;

  /** @throws TensorFlowError if TensorFlow rejects the graph */
  constructor(nodes: readonly NodeDef[], { threads }: SessionOptions = {}) {
    this.#id = load(this.#backend, encodeSavedModel(nodes), threads);
  }

  /**
   * Runs the nodes that `fetches` depend on, and no others. Blocks until they are done.
   *
   * @param feeds placeholders by name: values, or ids of the addon's tensors
   * @param fetches names of nodes whose first output to return
   * @returns tensors of the addon, which the caller deletes
   * @throws DamagedCacheError if compiled code in XLA's cache is damaged
   * @throws TensorFlowError if TensorFlow fails for any other reason
   */
  run(feeds: Readonly<Record<string, HostTensor | number>>, fetches: readonly string[]): TensorMetadata[] {
    if (this.#disposed) throw new Error('the session has been disposed');
    const { binding } = this.#backend;
    const uploads: number[] = [];
    try {
      const inputs = Object.values(feeds).map((feed) => {
        if (typeof feed === 'number') return feed;
        const id = uploadTensor(binding, feed);
        uploads.push(id);
        return id;
      });
      return binding.runSavedModel(this.#id, inputs, Object.keys(feeds).join(','), fetches.join(','));
    } catch (error) {
      throw removeDamagedCache(error) ? new DamagedCacheError(error) : toAppError(error);
    } finally {
      for (const id of uploads) binding.deleteTensor(id);
    }
  }

  /** Like `run`, and returns the values of the results. */
  read(feeds: Readonly<Record<string, HostTensor | number>>, fetches: readonly string[]): TensorValues[] {
    const { binding } = this.#backend;
    const results = this.run(feeds, fetches);
    try {
      return results.map(({ id }) => binding.tensorDataSync(id));
    } finally {
      for (const { id } of results) binding.deleteTensor(id);
    }
  }

  /** Like `run`, for fetches that matter only by what they assign to variables. */
  execute(feeds: Readonly<Record<string, HostTensor | number>>, fetches: readonly string[]): void {
    for (const { id } of this.run(feeds, fetches)) this.#backend.binding.deleteTensor(id);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#backend.binding.deleteSavedModel(this.#id);
  }
}

/**
 * Loads a graph and returns its id. The addon loads graphs from files only, so the file is written to
 * TensorFlow's in-memory file system: however the process ends, it leaves no folder on the disk. Such a file
 * cannot be deleted, so about 25 KB per graph stay in memory. Weights and data are not in the file: they are
 * fed.
 */
function load({ binding }: NativeBackend, bytes: Uint8Array, threads: number | undefined): number {
  const folder = `ram://tfjs-lora/${randomUUID()}`;
  const text = (value: Uint8Array) => binding.createTensor([], dataTypeCodes.string, [value]);
  const inputs = [text(Buffer.from(`${folder}/saved_model.pb`)), text(bytes)];
  try {
    binding.executeOp('WriteFile', [], inputs, 0);
    if (threads !== undefined) process.env[THREADS_VARIABLE] = String(threads);
    return binding.loadSavedModel(folder, 'serve');
  } catch (error) {
    throw toAppError(error);
  } finally {
    delete process.env[THREADS_VARIABLE];
    for (const id of inputs) binding.deleteTensor(id);
  }
}

/** Read by src/setup/session-threads.cc while a graph is loaded. */
const THREADS_VARIABLE = 'TFJS_LORA_SESSION_THREADS';

/** Messages of TensorFlow for a foreign, truncated or corrupt cache entry. */
const DAMAGED_ENTRY = /serialized (?:cache|CpuAotCompilationResult)|Read less bytes than requested/i;

/**
 * Removes the cache entry that an error is about: XLA does not recover from an entry that it cannot read.
 * Where the message does not name the entry, the whole cache goes.
 *
 * @returns whether something was removed; if not, compiling again would fail in the same way
 */
function removeDamagedCache(error: unknown): boolean {
  const text = String(error);
  const file = /\S*xla_compile_cache\S*\.pb/.exec(text)?.[0];
  if (file && deleteCacheFile(file)) return true;
  return (file !== undefined || DAMAGED_ENTRY.test(text)) && clearXlaCache();
}

function toAppError(error: unknown): Error {
  const line = oneLine(error);
  return (
    deviceError(error) ??
    new TensorFlowError('tensorflow-failed', `TensorFlow could not run the graph: ${line}`, { cause: error })
  );
}
