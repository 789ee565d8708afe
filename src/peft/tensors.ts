import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import type { AdapterTensor } from '../lora/index.ts';
import { takeValues } from '../models/index.ts';
import { float32Values, type SafeTensor, safeTensor } from '../safetensors/index.ts';
import { listNames, printable, quote } from '../text/index.ts';
import { fromTorch, torchShape, toTorch, type WeightLayout } from '../torch/index.ts';
import { CONFIG_FILE, PREFIX } from './format.ts';
import type { PeftModule } from './modules.ts';
import { nameInFile, type PeftParameter, peftParameters } from './parameters.ts';
import { splitPart, updatedKernels } from './parts.ts';

/** A tensor of an adapter in PEFT's file. */
interface PeftTensor {
  readonly name: string;
  readonly layout: WeightLayout;
  /** See `flattenedShape`. */
  readonly flattened?: readonly number[];
  /** How many axes of size 1 follow [1, out]: DoRA's magnitude of a convolution is [1, out, 1, 1]. */
  readonly windowAxes?: number;
  /** Which two axes of the layout's three are one in the file. */
  readonly joined?: 'first' | 'last';
}

const SAME_LAYOUT: WeightLayout = { weight: '', parameter: '' };
const TRANSPOSED: WeightLayout = { weight: '', parameter: '', axes: [1, 0] };
/** A of stacked matrices: [stack, in, rank] here, [in, rank, stack] in PEFT, which joins the last two axes. */
const STACK_LAST: WeightLayout = { weight: '', parameter: '', axes: [1, 2, 0] };

/**
 * Converts the tensors of an adapter on one layer to those of PEFT's file.
 *
 * @param tensors float32 in tfjs' layout, by the names of `readAdapter`: `lora_A` [in, rank], `lora_B` [rank, out], ...
 * @param tfjsLayout whether to keep tfjs' layout, because PEFT has none for this layer
 * @returns by PEFT's names, in PEFT's layout: `lora_A.weight` [rank, in], `lora_B.weight` [out, rank], ...
 */
export function toPeftTensors(
  module: PeftModule,
  tensors: ReadonlyMap<string, AdapterTensor>,
  tfjsLayout: boolean,
): Map<string, SafeTensor> {
  const converted = new Map<string, SafeTensor>();
  const names = peftNames(module, [...tensors.keys()], tfjsLayout);
  for (const [part, { shape, values }] of tensors) {
    const target = names.get(part)!;
    tf.tidy(() => {
      const value = toTorch(tf.tensor(values, [...shape]), target.layout, target.flattened);
      const shaped = value.reshape(peftShape(target, shape));
      converted.set(target.name, safeTensor(shaped.dataSync<'float32'>(), shaped.shape));
    });
  }
  return converted;
}

/**
 * Converts the tensors of one layer from those of PEFT's file, and removes these from `remaining`.
 *
 * @param weightsPath names the file in errors
 * @param shapes the shapes in tfjs' layout of the tensors that the layer needs, by the names of `readAdapter`
 * @param tfjsLayout whether the tensors were stored in tfjs' layout
 * @returns float32 in tfjs' layout, by the names of `readAdapter`
 * @throws CheckpointError if a tensor is missing or has another shape
 */
export function takePeftTensors(
  weightsPath: string,
  module: PeftModule,
  shapes: ReadonlyMap<string, readonly number[]>,
  tfjsLayout: boolean,
  remaining: Map<string, SafeTensor>,
): Map<string, AdapterTensor> {
  const converted = new Map<string, AdapterTensor>();
  const names = peftNames(module, [...shapes.keys()], tfjsLayout);
  for (const [part, shape] of shapes) {
    const source = names.get(part)!;
    const { layout, flattened } = source;
    const expected = { name: source.name, shape: peftShape(source, shape), path: module.path };
    const values = takeTensor(weightsPath, expected, remaining);
    const value = tf.tidy(() => {
      const stored = tf.tensor(values, [...torchShape(layout, shape)]);
      return fromTorch(stored, layout, shape, flattened)!;
    });
    // If both layouts agree, these values are a view of the file's buffer; the copy allows that buffer to be freed.
    converted.set(part, { shape, values: takeValues(value).slice() });
  }
  return converted;
}

/**
 * The float32 values of a tensor, which is removed from `remaining`.
 *
 * @param weightsPath names the file in errors
 * @param expected the tensor's name and shape, and the path of the layer that needs it
 * @throws CheckpointError if the tensor is missing or has another shape
 */
export function takeTensor(
  weightsPath: string,
  { name, shape, path }: { name: string; shape: readonly number[]; path: string },
  remaining: Map<string, SafeTensor>,
): Float32Array {
  const tensor = remaining.get(name);
  if (!tensor) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${weightsPath}: missing tensor ${printable(name)}, which layer ${quote(path)} needs; ${othersThan(name, remaining)}`,
    );
  }
  if (String(tensor.shape) !== String(shape)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${weightsPath}: ${printable(name)}: shape ${quote(tensor.shape)} does not match the layer's [${shape}]; the adapter belongs to another model or has another rank`,
    );
  }
  remaining.delete(name);
  return float32Values(`${weightsPath}: ${printable(name)}`, tensor);
}

/** Which tensors are there instead of a missing one, those of the same module first, and what to do. */
function othersThan(name: string, remaining: ReadonlyMap<string, SafeTensor>): string {
  const [module] = name.replace(PREFIX, '').split(/\.(?:lora_|base_layer)/) as [string];
  const isNear = (other: string) => `.${other}`.includes(`.${module}.`);
  const others = [...remaining.keys()].sort((a, b) => Number(isNear(b)) - Number(isNear(a)));
  if (others.length === 0) return 'the file has no other tensors';
  const hint = name.endsWith('.base_layer.bias')
    ? `; set "bias" to "none" in ${CONFIG_FILE} to load it without biases`
    : '';
  return `the file has ${listNames(others, 3)}${hint}`;
}

/**
 * The names and layouts in PEFT's file of the tensors of an adapter on one layer.
 *
 * @param parts the tensors' names in `readAdapter`
 * @param tfjsLayout whether the factors of the module's own weight are stored in tfjs' layout
 * @returns by `parts`
 */
function peftNames(
  module: PeftModule,
  parts: readonly string[],
  tfjsLayout: boolean,
): Map<string, PeftTensor> {
  const parameters = new Map(
    peftParameters(module, updatedKernels(parts)).map((parameter) => [parameter.kernel, parameter]),
  );
  const hasFactors = parts.includes('lora_A');
  return new Map(
    parts.map((part) => {
      const { kernel, name } = splitPart(part);
      const parameter = isFactor(name) ? parameters.get(kernel) : undefined;
      return [
        part,
        parameter ? parameterTensor(parameter, name) : peftTensorOf(module, part, hasFactors, tfjsLayout),
      ];
    }),
  );
}

/** The name and layout of A, B, their initial values and the magnitude of a single parameter. */
function parameterTensor({ path, tensorPrefix, form, gates }: PeftParameter, part: string): PeftTensor {
  if (part === 'lora_magnitude') return { name: `${PREFIX}${path}.${part}.tfjs`, layout: SAME_LAYOUT };
  const isA = part.endsWith('_A');
  const name = (factor: 'A' | 'B') => `${PREFIX}${tensorPrefix}.lora_${factor}.weight`;
  if (form === 'tfjs') return { name: `${PREFIX}${tensorPrefix}.${part}.tfjs`, layout: SAME_LAYOUT };
  if (form === 'linear')
    return isA
      ? { name: name('A'), layout: TRANSPOSED }
      : { name: name('B'), layout: { ...TRANSPOSED, gates } };
  // PEFT's product is B·A, so what multiplies from the left is B there.
  if (form === 'matrix') return { name: name(isA ? 'B' : 'A'), layout: SAME_LAYOUT };
  return isA
    ? { name: name('B'), layout: STACK_LAST, joined: 'last' }
    : { name: name('A'), layout: SAME_LAYOUT, joined: 'first' };
}

/**
 * The name and layout in PEFT's file of one tensor of an adapter.
 *
 * @param part the tensor's name in `readAdapter`
 * @param hasFactors whether the adapter has A and B on this layer, or only trained copies of weights
 * @param tfjsLayout whether the factors are stored in tfjs' layout, under names that PEFT does not know
 */
function peftTensorOf(
  peftModule: PeftModule,
  part: string,
  hasFactors: boolean,
  tfjsLayout: boolean,
): PeftTensor {
  const module = `${PREFIX}${peftModule.module}`;
  const { kernel, flattened, className } = peftModule;
  if (tfjsLayout && isFactor(part)) return { name: `${module}.${part}.tfjs`, layout: SAME_LAYOUT };
  if (className === 'Embedding' && /^lora_[AB]$/.test(part)) {
    return { name: `${module}.${part.replace('lora_', 'lora_embedding_')}`, layout: TRANSPOSED };
  }
  if (part === 'lora_A') return { name: `${module}.lora_A.weight`, layout: kernel!, flattened };
  if (part === 'lora_B') return { name: `${module}.lora_B.weight`, layout: kernel! };
  if (part === 'lora_magnitude') {
    const windowAxes = (kernel!.axes?.length ?? 2) - 2;
    return { name: `${module}.lora_magnitude_vector`, layout: SAME_LAYOUT, windowAxes };
  }
  const layout = copyLayout(peftModule, part);
  if (!layout) return { name: `${module}.${nameInFile(className, part)}.tfjs`, layout: SAME_LAYOUT };
  const parameter = layout.parameter.split('.').at(-1);
  const name = hasFactors
    ? `${module}.base_layer.${parameter}`
    : `${PREFIX}${peftModule.name}.${layout.parameter}`;
  return { name, layout, flattened };
}

/** The layout in PyTorch of a trained copy; undefined if PyTorch has no such parameter, or has it as a sum of two. */
export function copyLayout({ layouts }: PeftModule, weight: string): WeightLayout | undefined {
  return layouts.find((layout) => layout.weight === weight && layout.addend === undefined);
}

function isFactor(part: string): boolean {
  return /_[AB]$|(^|\/)lora_magnitude$/.test(part);
}

/** The shape in PEFT's file of a tensor with the given shape in tfjs. */
function peftShape({ layout, windowAxes = 0, joined }: PeftTensor, shape: readonly number[]): number[] {
  if (windowAxes > 0) return [1, ...shape, ...new Array<number>(windowAxes).fill(1)];
  const stored = torchShape(layout, shape);
  if (!joined) return [...stored];
  const [first, middle, last] = stored as [number, number, number];
  return joined === 'first' ? [first * middle, last] : [first, middle * last];
}
