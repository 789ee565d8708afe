import * as tf from '@tensorflow/tfjs';
import { largestBatch } from '../inference/index.ts';
import { type LoraLayer, loraLayers, loraSummary, updateSpectrum } from '../lora/index.ts';
import { takeValues } from '../models/index.ts';

/** What an adapter is and does on one layer. */
export interface LayerInspection {
  readonly path: string;
  /** The class of the base layer, such as `Dense`. */
  readonly type: string;
  readonly adapter: string;
  /** Of the weight that the update belongs to; empty where only copies train. */
  readonly kernelShape: readonly number[];
  /** 0 where only a bias or the whole layer trains. */
  readonly rank: number;
  readonly alpha: number;
  readonly rslora: boolean;
  /** alpha / rank or alpha / sqrt(rank), and the same times strength, 0 while off. */
  readonly scaling: number;
  readonly effectiveScale: number;
  readonly trainableParameters: number;
  /** Frobenius norms at strength 1, and their ratio; absent without a low-rank update. */
  readonly kernelNorm?: number;
  readonly updateNorm?: number;
  readonly updateShare?: number;
  /** Of the update, descending. */
  readonly singularValues?: readonly number[];
  /** How many directions the update uses: exp of the entropy of its squared singular values. */
  readonly effectiveRank?: number;
}

/** Units of a layer with ReLU that are 0 for every example. */
export interface DeadUnits {
  readonly path: string;
  readonly units: number;
  /** Numbers of the dead ones, counted over the last axis. */
  readonly dead: readonly number[];
  /** Whether they are outputs of the model. */
  readonly isOutput: boolean;
}

/** Measures every adapter of a model, layer by layer. */
export function inspectAdapters(model: tf.LayersModel): LayerInspection[] {
  const layers = new Map(loraLayers(model).map(({ path, layer }) => [path, layer]));
  return loraSummary(model).layers.map((summary) => {
    const layer = layers.get(summary.path)!;
    const spectrum = updateSpectrum(layer, summary.adapter);
    return {
      ...summary,
      type: layer.getClassName().replace(/^Lora/, ''),
      rslora: layer.adapters.get(summary.adapter)!.settings.rslora,
      kernelShape: spectrum ? kernelShape(layer) : [],
      ...(spectrum && { ...spectrum, updateShare: spectrum.updateNorm / spectrum.kernelNorm }),
    };
  });
}

/** What in these measurements a user should act on, a line each. */
export function adapterWarnings(layers: readonly LayerInspection[]): string[] {
  return [...new Set(layers.map(({ adapter }) => adapter))].flatMap((adapter) => {
    const own = layers.filter((layer) => layer.adapter === adapter && layer.rank > 0);
    return [...untrained(adapter, own), ...leftOverAlphas(own), ...outweighing(own)];
  });
}

/** Layers whose ReLU leaves units at 0 for all examples. */
export function deadUnits(model: tf.LayersModel, inputs: readonly tf.Tensor[]): DeadUnits[] {
  const layers = model.layers.filter((layer) => isRelu(layer) && !Array.isArray(layer.output));
  if (layers.length === 0) return [];
  const probe = tf.model({
    inputs: model.inputs,
    outputs: layers.map(({ output }) => output as tf.SymbolicTensor),
  });
  const outputs = new Set(model.outputs.map(({ id }) => id));
  const largest = tf
    .tidy(() => {
      const options = { batchSize: largestBatch(model) };
      const values = [probe.predict(inputs.length === 1 ? inputs[0]! : [...inputs], options)].flat();
      return values.map((value) => tf.max(value.reshape([-1, value.shape.at(-1)!]), 0));
    })
    .map(takeValues);
  return layers.flatMap((layer, index) => {
    const dead = [...largest[index]!.keys()].filter((unit) => largest[index]![unit]! <= 0);
    const isOutput = outputs.has((layer.output as tf.SymbolicTensor).id);
    return dead.length > 0 ? [{ path: layer.name, units: largest[index]!.length, dead, isOutput }] : [];
  });
}

function kernelShape(layer: LoraLayer): readonly number[] {
  const rankless = (shape: readonly (number | null)[]) => shape.map((size) => size ?? 1);
  const kernel = [...layer.baseWeights.values()].find(({ shape }) => shape.length > 1);
  return kernel ? rankless(kernel.shape) : [];
}

function untrained(adapter: string, layers: readonly LayerInspection[]): string[] {
  const still = layers.filter(({ updateNorm }) => updateNorm === 0).map(({ path }) => path);
  if (still.length === 0) return [];
  return still.length === layers.length
    ? [`adapter '${adapter}' changes nothing: every B is zero; train it`]
    : [
        `adapter '${adapter}' changes nothing at ${still.join(', ')}: B is zero there; are these layers dead?`,
      ];
}

/** One alpha over several ranks: right for one of them only, unless the scale goes with the root. */
function leftOverAlphas(layers: readonly LayerInspection[]): string[] {
  const usual = mostCommon(layers.map(({ rank }) => rank));
  const model = layers.find(({ rank }) => rank === usual);
  return layers
    .filter(({ rank, alpha, rslora }) => !rslora && rank !== usual && alpha === model?.alpha)
    .map(({ path, rank, alpha, scaling }) => {
      const fitting = (model!.scaling * rank).toPrecision(3).replace(/\.?0+$/, '');
      return `'${path}' has rank ${rank} and the alpha ${alpha} of layers of rank ${usual}: its update is scaled by ${short(scaling)}, theirs by ${short(model!.scaling)}; an alpha of ${fitting} would be the same`;
    });
}

function outweighing(layers: readonly LayerInspection[]): string[] {
  return layers
    .filter(({ updateShare = 0 }) => updateShare > 1)
    .map(
      ({ path, updateShare }) =>
        `the update of '${path}' is ${short(updateShare!)} times its kernel; train with a smaller learning rate or alpha`,
    );
}

function isRelu(layer: tf.layers.Layer): boolean {
  const { activation } = layer.getConfig() as { activation?: unknown };
  return layer.getClassName() === 'ReLU' || activation === 'relu';
}

function mostCommon(values: readonly number[]): number {
  const count = (value: number) => values.filter((other) => other === value).length;
  return [...values].sort((a, b) => count(b) - count(a))[0] ?? 0;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
