import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { UsageError } from '../errors.ts';
import {
  activeAdapters,
  adapterNames,
  disableAdapters,
  hasLora,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
  unmergeLora,
} from '../lora/index.ts';
import { cloneModel } from '../models/index.ts';
import { loadPeft, savePeft } from '../peft/index.ts';
import { loadModel, saveModel } from '../runs/index.ts';
import { toStateDict } from '../torch/index.ts';
import { type Check, compareHashes, compareOutputs, type Outputs, outputsOf, skipped } from './check.ts';
import { mergeByFormula } from './peft-formula.ts';

/** The largest difference that rounding explains, relative to the largest output or weight. */
const ROUNDING = 1e-5;

/** What to prove claims on. */
export interface VerifyOptions {
  /** The plain model that the adapter belongs to. */
  readonly base: tf.LayersModel;
  /** The same model adapted, or `base` itself. */
  readonly model: tf.LayersModel;
  /** Examples to compare outputs on, as `model.predict` takes them. */
  readonly inputs: readonly tf.Tensor[];
  /** What the base's content was when the adapter was made. */
  readonly baseHash: string;
}

/**
 * Proves on a model what this library promises of it, one claim after the other; nothing of it is changed. Models and
 * tensors that the proofs make are freed.
 */
export async function* verify(options: VerifyOptions): AsyncGenerator<Check> {
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-lora-verify-'));
  try {
    const expected = outputsOf(options.base, options.inputs);
    const claim = 'the base has the content that is on record';
    yield compareHashes({ name: 'content', claim }, contentHash(options.base), options.baseHash);
    yield* saved('base', options.base, expected, options, folder);
    if (hasLora(options.model)) yield* adapterChecks(options, expected, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* adapterChecks(
  options: VerifyOptions,
  baseOutputs: Outputs,
  folder: string,
): AsyncGenerator<Check> {
  const { model, inputs, baseHash } = options;
  const detail = `${inputs[0]!.shape[0]} examples`;
  const adapted = outputsOf(model, inputs);
  yield using(cloneModel(model), (copy) => {
    setAdapterStrength(copy, 0);
    const claim = 'at strength 0 the model is its base, bit for bit';
    return compareOutputs({ name: 'strength-zero', claim, detail }, outputsOf(copy, inputs), baseOutputs, 0);
  });
  yield using(cloneModel(model), (copy) => {
    disableAdapters(copy);
    const claim = 'with its adapters off the model is its base, bit for bit';
    return compareOutputs({ name: 'disabled', claim, detail }, outputsOf(copy, inputs), baseOutputs, 0);
  });
  const unmerged = unmergeLora(model);
  const hash = using(unmerged, contentHash);
  yield compareHashes(
    { name: 'base-unchanged', claim: 'the base below the adapter has its content still' },
    hash,
    baseHash,
  );
  const merged = mergeLora(model);
  try {
    const claim = 'the merged model gives the outputs of the unmerged one';
    const outputs = outputsOf(merged, inputs);
    yield compareOutputs({ name: 'merged', claim, detail }, outputs, adapted, ROUNDING);
    yield* saved('merged', merged, outputs, options, folder);
  } finally {
    merged.dispose();
  }
  yield using(await reloaded(options, join(folder, 'adapter')), (copy) => {
    const claim = 'the adapter saved and loaded gives the same outputs, bit for bit';
    return compareOutputs(
      { name: 'adapter-reload', claim, detail },
      outputsOf(copy, inputs),
      fullStrength(model, inputs),
      0,
    );
  });
  for (const adapter of adapterNames(model)) yield await peftFormula(options, adapter, join(folder, 'peft'));
}

/** The base with all adapters of the model, written to files and read again. */
async function reloaded({ model, base, baseHash }: VerifyOptions, folder: string): Promise<tf.LayersModel> {
  await savePeft(model, folder, { baseHash });
  const [first, ...others] = adapterNames(model);
  const copy = await loadPeft(base, folder, { adapter: first, anyBase: true });
  for (const adapter of others) await loadPeft(copy, folder, { adapter, anyBase: true });
  setActiveAdapters(copy, activeAdapters(model));
  return copy;
}

/** The files of a plain model hold all of it. */
async function* saved(
  name: string,
  model: tf.LayersModel,
  expected: Outputs,
  { inputs }: VerifyOptions,
  folder: string,
): AsyncGenerator<Check> {
  const path = join(folder, name);
  await saveModel(model, path);
  const detail = `${inputs[0]!.shape[0]} examples`;
  yield using(await loadModel(path), (copy) => {
    const claim = `the ${name} model saved and loaded gives the same outputs, bit for bit`;
    return compareOutputs({ name: `${name}-reload`, claim, detail }, outputsOf(copy, inputs), expected, 0);
  });
}

async function peftFormula(
  { model, base, baseHash }: VerifyOptions,
  adapter: string,
  folder: string,
): Promise<Check> {
  const name = 'peft-round-trip';
  const claim = `PEFT's formula on the files of adapter '${adapter}' gives the merged weights`;
  try {
    await savePeft(model, folder, { adapter, peftOnly: true, baseHash });
  } catch (error) {
    if (error instanceof UsageError) return skipped({ name, claim }, error.message);
    throw error;
  }
  const files = adapter === 'default' ? folder : join(folder, adapter);
  const expected = await mergeByFormula(files, toStateDict(base));
  return using(cloneModel(model), (copy) => {
    setActiveAdapters(copy, [adapter]);
    setAdapterStrength(copy, 1);
    return using(mergeLora(copy), (merged) => {
      const own = toStateDict(merged);
      return compareOutputs(
        { name, claim, detail: `${own.size} weights` },
        [...own.values()].map(({ data }) => floats(data)),
        [...own.keys()].map((key) => expected.get(key)!),
        ROUNDING,
      );
    });
  });
}

function fullStrength(model: tf.LayersModel, inputs: readonly tf.Tensor[]): Outputs {
  return using(cloneModel(model), (copy) => {
    setAdapterStrength(copy, 1);
    return outputsOf(copy, inputs);
  });
}

function floats(data: Uint8Array): Float32Array {
  return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}

function using<T>(model: tf.LayersModel, work: (model: tf.LayersModel) => T): T {
  try {
    return work(model);
  } finally {
    model.dispose();
  }
}
