import { CheckpointError } from '../errors.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import { listNames, printable } from '../text/index.ts';
import { PREFIX } from './format.ts';
import type { PeftModule } from './modules.ts';

/** Tensors under the names that PEFT gives them, and what was changed for that. */
export interface NamedTensors {
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly modules: readonly PeftModule[];
  readonly warnings: readonly string[];
}

/** What follows the name of a module in the name of one of its tensors. */
const PARAMETER =
  /\.(?:(?:base_layer\.)*lora_[AB]\.weight|lora_embedding_[AB]|lora_magnitude_vector|base_layer\.(?:weight|bias)|(?:(?:depthwise|pointwise)\.)?(?:weight|bias)|running_mean|running_var|num_batches_tracked|[^.]+\.tfjs)$/;

/**
 * Gives tensors the names that PEFT's `save_pretrained` gives them. In files that were written in another way, names
 * contain wrappers of modules (`torch.compile`, DistributedDataParallel, FSDP) or the adapter's name, or lack PEFT's
 * prefix. Only names that no layer has are changed. If all modules are numbered, as in an `nn.Sequential`, they are those
 * of the layers, in order.
 *
 * @param weightsPath names the file in warnings and errors
 * @throws CheckpointError if modules are numbered, but are not as many as the layers
 */
export function namedTensors(
  weightsPath: string,
  tensors: ReadonlyMap<string, SafeTensor>,
  layers: readonly PeftModule[],
): NamedTensors {
  const numbers = moduleNumbers(tensors, layers);
  const modules = numbers ? numberedLayers(weightsPath, numbers, layers) : layers;
  const known = new Set(modules.flatMap(({ name, module }) => [name, module]));
  const isKnown = (name: string) =>
    name.startsWith(PREFIX) &&
    PARAMETER.test(name) &&
    known.has(name.slice(PREFIX.length).replace(PARAMETER, ''));
  const renamed = [...tensors].map(([name, tensor]) => {
    const candidate = usualName(name);
    const isBetter = !isKnown(name) && isKnown(candidate) && !tensors.has(candidate);
    return { name: isBetter ? candidate : name, original: name, tensor };
  });
  const unique = new Map(renamed.map(({ name, tensor }) => [name, tensor]));
  if (unique.size < tensors.size) return { tensors, modules, warnings: [] };
  const changed = renamed.filter(({ name, original }) => name !== original);
  const warnings: string[] = [];
  if (numbers) {
    const names = modules.filter(({ name, path }) => name !== path).map(({ path }) => path);
    warnings.push(
      `${weightsPath}: took the numbered modules ${listNames(numbers)} for the layers ${listNames(names)}, in order`,
    );
  }
  if (changed.length > 0) {
    const [{ original, name }] = changed as [(typeof changed)[number]];
    const more = changed.length > 1 ? `, and ${changed.length - 1} others in the same way` : '';
    warnings.push(`${weightsPath}: read tensor ${printable(original)} as ${printable(name)}${more}`);
  }
  return { tensors: unique, modules, warnings };
}

/** A tensor's name without wrappers and the adapter's name, and with PEFT's prefix. */
function usualName(name: string): string {
  const bare = name
    .replace(/(?<=^|\.)(?:_orig_mod|_fsdp_wrapped_module|module)\./g, '')
    .replace(/\.(lora_[AB])\.[^.]+\.weight$/, '.$1.weight')
    .replace(/\.(lora_embedding_[AB]|lora_magnitude_vector)\.[^.]+(?:\.weight)?$/, '.$1')
    .replace(/\.modules_to_save\.[^.]+\.([^.]+)$/, '.$1');
  return bare.startsWith(PREFIX) ? bare : `${PREFIX}${bare}`;
}

/** The numbers of all modules, in ascending order, if they are numbered and the layers are not. */
function moduleNumbers(
  tensors: ReadonlyMap<string, SafeTensor>,
  layers: readonly PeftModule[],
): string[] | undefined {
  const modules = new Set(
    [...tensors.keys()].map((name) => usualName(name).slice(PREFIX.length).replace(PARAMETER, '')),
  );
  const isNumbered = modules.size > 0 && [...modules].every((module) => /^\d{1,9}$/.test(module));
  if (!isNumbered || layers.some(({ name }) => modules.has(name))) return undefined;
  return [...modules].sort((a, b) => Number(a) - Number(b));
}

/** The layers with the numbers as their names. Normalization layers count only if there are numbers for them. */
function numberedLayers(
  weightsPath: string,
  numbers: readonly string[],
  layers: readonly PeftModule[],
): PeftModule[] {
  const adaptable = layers.filter(({ kernel, className }) => kernel && !className.endsWith('Normalization'));
  const counted = adaptable.length === numbers.length ? adaptable : layers;
  if (counted.length !== numbers.length) {
    const names = layers.map(({ path }) => path);
    throw new CheckpointError(
      'invalid-checkpoint',
      `${weightsPath}: has ${numbers.length} numbered modules (${listNames(numbers)}), as an nn.Sequential, but the model has ${layers.length} layers with weights (${listNames(names)}); name these layers by the numbers of their modules`,
    );
  }
  return layers.map((layer) => {
    const index = counted.indexOf(layer);
    if (index < 0) return layer;
    const name = numbers[index]!;
    return { ...layer, name, module: layer.module.replace(layer.name, () => name) };
  });
}
