import { randomUUID } from 'node:crypto';
import { TensorFlowError } from '../../errors.ts';
import { deviceError, lineOf } from '../native-error.ts';
import { clearXlaCache, removeKeptCode } from '../xla-cache.ts';
import { type NativeBackend, nativeBackend, type TensorMetadata } from './backend.ts';
import { dataTypeCodes, type HostTensor, type TensorValues } from './dtypes.ts';
import type { NodeDef } from './graph-builder.ts';
import { encodeSavedModel } from './saved-model.ts';

/** Code that XLA kept from an earlier process could not be read. It is removed; a new session compiles anew. */
export class DamagedCacheError extends TensorFlowError {
  constructor(message: string, options?: ErrorOptions) {
    super('damaged-cache', message, options);
  }
}

/** A loaded graph. Its variables live in it, on the device, until it is disposed. */
export class Session {
  readonly #backend: NativeBackend = nativeBackend();
  readonly #id: number;
  #disposed = false;

  /** @throws TensorFlowError when TensorFlow refuses the graph */
  constructor(nodes: readonly NodeDef[]) {
    this.#id = load(this.#backend, encodeSavedModel(nodes));
  }

  /**
   * Runs the part of the graph that `fetches` need. Feeds are values, or ids of the addon's tensors.
   * The caller deletes the tensors it gets back.
   *
   * @throws DamagedCacheError, or TensorFlowError for anything else that TensorFlow refuses
   */
  run(feeds: Readonly<Record<string, HostTensor | number>>, fetches: readonly string[]): TensorMetadata[] {
    if (this.#disposed) throw new Error('the session has been disposed');
    const { binding } = this.#backend;
    const made: number[] = [];
    const inputs = Object.values(feeds).map((feed) => {
      if (typeof feed === 'number') return feed;
      const id = binding.createTensor(feed.shape, dataTypeCodes[feed.dtype], feed.values);
      made.push(id);
      return id;
    });
    try {
      return binding.runSavedModel(this.#id, inputs, Object.keys(feeds).join(','), fetches.join(','));
    } catch (error) {
      throw removeDamagedCache(error) ? new DamagedCacheError(lineOf(error)) : translate(error);
    } finally {
      for (const id of made) binding.deleteTensor(id);
    }
  }

  /** Runs and copies the results into JavaScript. */
  read(feeds: Readonly<Record<string, HostTensor | number>>, fetches: readonly string[]): TensorValues[] {
    const { binding } = this.#backend;
    const results = this.run(feeds, fetches);
    try {
      return results.map(({ id }) => binding.tensorDataSync(id));
    } finally {
      for (const { id } of results) binding.deleteTensor(id);
    }
  }

  /** Runs for its effects alone. */
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
 * The addon loads graphs from files only, so each goes through a file of TensorFlow's in-memory file system: whatever
 * ends the process, no folder stays behind. Nothing can delete such a file, so some 25 KB of a graph stay in
 * memory; values do not travel this way but through feeds.
 */
function load({ binding }: NativeBackend, bytes: Uint8Array): number {
  const folder = `ram://tfjs-lora/${randomUUID()}`;
  const text = (value: Uint8Array) => binding.createTensor([], dataTypeCodes.string, [value]);
  const parts = [text(Buffer.from(`${folder}/saved_model.pb`)), text(bytes)];
  try {
    binding.executeOp('WriteFile', [], parts, 0);
    return binding.loadSavedModel(folder, 'serve');
  } catch (error) {
    throw translate(error);
  } finally {
    for (const id of parts) binding.deleteTensor(id);
  }
}

/** What TensorFlow says of a file that is not one of its cache, of one that lacks a part, and of code in it that is none. */
const DAMAGED = /serialized (?:cache|CpuAotCompilationResult)|Read less bytes than requested/i;

/**
 * XLA gives up at a file of its cache that it cannot read, for as long as the session lives. Says whether it was that,
 * and the file is gone.
 */
function removeDamagedCache(error: unknown): boolean {
  const text = String(error);
  const file = /\S*xla_compile_cache\S*\.pb/.exec(text)?.[0];
  if (file && removeKeptCode(file)) return true;
  return (file !== undefined || DAMAGED.test(text)) && clearXlaCache();
}

function translate(error: unknown): Error {
  const line = lineOf(error);
  return (
    deviceError(error) ??
    new TensorFlowError('tensorflow-failed', `TensorFlow could not run the graph: ${line}`, { cause: error })
  );
}
