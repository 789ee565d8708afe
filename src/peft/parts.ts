import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import type { AdapterTensor } from '../lora/index.ts';
import { takeValues } from '../models/index.ts';
import { float32Values, type SafeTensor, safeTensor } from '../safetensors/index.ts';
import { fromTorch, torchShape, toTorch, type WeightLayout } from '../torch/index.ts';
import type { PeftModule } from './modules.ts';

/** PEFT puts it before each name. */
export const PREFIX = 'base_model.model.';

/** One tensor of an adapter on a layer: its name in PEFT's file, and its layout there. */
interface StoredPart {
  readonly name: string;
  readonly layout: WeightLayout;
  readonly flattened?: readonly number[];
  /** The shape in the file where it is not what the layout says: DoRA's magnitude of a convolution. */
  readonly shape?: readonly number[];
}

const AS_IT_IS: WeightLayout = { weight: '', parameter: '' };
const TRANSPOSED: WeightLayout = { weight: '', parameter: '', axes: [1, 0] };

/**
 * Where PEFT keeps a tensor of an adapter.
 *
 * @param part as `readAdapter` names it
 * @param lowRank whether the layer has A and B; others hold copies alone
 * @param raw whether the layer has no form in PEFT: its tensors stay in tfjs' layout, under names of our own
 */
function storedPart(one: PeftModule, part: string, lowRank: boolean, raw: boolean): StoredPart {
  const module = `${PREFIX}${one.module}`;
  const { kernel, flattened, className } = one;
  if (raw && isFactor(part)) return { name: `${module}.${part}.tfjs`, layout: AS_IT_IS };
  if (className === 'Embedding' && isFactor(part)) {
    return { name: `${module}.${part.replace('lora_', 'lora_embedding_')}`, layout: TRANSPOSED };
  }
  if (part === 'lora_A') return { name: `${module}.lora_A.weight`, layout: kernel!, flattened };
  if (part === 'lora_B') return { name: `${module}.lora_B.weight`, layout: kernel! };
  if (part === 'lora_magnitude') {
    const windowAxes = kernel!.axes!.length - 2;
    const name = `${module}.lora_magnitude_vector`;
    return windowAxes === 0
      ? { name, layout: AS_IT_IS }
      : { name, layout: AS_IT_IS, shape: [1, -1, ...new Array(windowAxes).fill(1)] };
  }
  const layout = one.layouts.find(({ weight }) => weight === part);
  if (!layout) return { name: `${module}.${part}.tfjs`, layout: AS_IT_IS };
  const parameter = layout.parameter.split('.').at(-1);
  const name = lowRank ? `${module}.base_layer.${parameter}` : `${PREFIX}${one.path}.${layout.parameter}`;
  return { name, layout, flattened };
}

function isFactor(part: string): boolean {
  return /_[AB]$|^lora_magnitude$/.test(part);
}

/** Writes one layer's tensors in PEFT's layout, by name. */
export function toStored(
  one: PeftModule,
  parts: ReadonlyMap<string, AdapterTensor>,
  raw: boolean,
): Map<string, SafeTensor> {
  const stored = new Map<string, SafeTensor>();
  for (const [part, { shape, values }] of parts) {
    const place = storedPart(one, part, parts.has('lora_A'), raw);
    tf.tidy(() => {
      const turned = toTorch(tf.tensor(values, [...shape]), place.layout, place.flattened);
      const shaped = place.shape ? turned.reshape([...place.shape]) : turned;
      stored.set(place.name, safeTensor(shaped.dataSync<'float32'>(), shaped.shape));
    });
  }
  return stored;
}

/**
 * Takes one layer's tensors out of `tensors`, turned into tfjs' layout.
 *
 * @param shapes what the layer needs, by part, in tfjs' layout
 * @throws CheckpointError naming a tensor that is missing or of another shape
 */
export function takeStored(
  source: string,
  one: PeftModule,
  shapes: ReadonlyMap<string, readonly number[]>,
  raw: boolean,
  tensors: Map<string, SafeTensor>,
): Map<string, AdapterTensor> {
  const parts = new Map<string, AdapterTensor>();
  for (const [part, shape] of shapes) {
    const place = storedPart(one, part, shapes.has('lora_A'), raw);
    const tensor = tensors.get(place.name);
    if (!tensor)
      throw new CheckpointError(
        'invalid-checkpoint',
        `${source}: lacks ${place.name}, which layer '${one.path}' needs`,
      );
    tensors.delete(place.name);
    parts.set(part, { shape, values: valuesFor(source, place, tensor, shape) });
  }
  return parts;
}

function valuesFor(
  source: string,
  { name, layout, flattened, shape: storedShape }: StoredPart,
  tensor: SafeTensor,
  shape: readonly number[],
): Float32Array {
  const expected = storedShape?.map((size) => (size === -1 ? shape[0]! : size)) ?? torchShape(layout, shape);
  if (String(tensor.shape) !== String(expected)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: ${name} has shape [${tensor.shape}], its layer needs [${expected}]; the adapter belongs to another model or rank`,
    );
  }
  const turned = tf.tidy(() => {
    const value = tf.tensor(float32Values(`${source}: ${name}`, tensor), [...torchShape(layout, shape)]);
    return fromTorch(value, layout, shape, flattened)!;
  });
  // A layout that agrees leaves a view of the file.
  return takeValues(turned).slice();
}
