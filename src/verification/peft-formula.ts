import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32Values, readSafetensors, type SafeTensor } from '../safetensors/index.ts';

/** Keys of `adapter_config.json` that the formula needs. */
interface Config {
  readonly r: number;
  readonly lora_alpha: number;
  readonly alpha_pattern?: Readonly<Record<string, number>>;
  readonly use_rslora?: boolean;
}

const PREFIX = 'base_model.model.';

/**
 * The weights that an adapter's files make of a base, by PEFT's documented formula and nothing else of this library:
 * W + scale·B·A in PyTorch's layout (embeddings: its transpose), for DoRA m·V/|V|, biases and whole layers replaced.
 * A second way to the merged model, in double precision.
 *
 * @param base the base's state dict
 * @returns the merged state dict
 */
export async function mergeByFormula(
  folder: string,
  base: ReadonlyMap<string, SafeTensor>,
): Promise<Map<string, Float32Array>> {
  const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as Config;
  const { tensors } = await readSafetensors(join(folder, 'adapter_model.safetensors'));
  const read = (name: string) => {
    const tensor = tensors.get(PREFIX + name);
    return tensor && { shape: tensor.shape, values: float32Values(name, tensor) };
  };
  const merged = new Map<string, Float32Array>();
  for (const [name, tensor] of base) {
    const module = name.slice(0, name.lastIndexOf('.'));
    const parameter = name.slice(name.lastIndexOf('.') + 1);
    const replaced = read(name) ?? read(`${module}.base_layer.${parameter}`);
    const weight = replaced?.values ?? float32Values(name, tensor);
    const [rows] = tensor.shape as [number];
    const linear = { a: read(`${module}.lora_A.weight`), b: read(`${module}.lora_B.weight`) };
    const table = { a: read(`${module}.lora_embedding_A`), b: read(`${module}.lora_embedding_B`) };
    if (parameter === 'weight' && linear.a && linear.b) {
      const rank = linear.a.shape[0]!;
      const update = product(linear.b.values, linear.a.values, rows, rank, scaleOf(config, module, rank));
      const magnitude = read(`${module}.lora_magnitude_vector`)?.values;
      merged.set(name, added(weight, update, rows, magnitude));
    } else if (parameter === 'weight' && table.a && table.b) {
      const [rank, count] = table.a.shape as [number, number];
      const [width] = table.b.shape as [number];
      const update = product(table.b.values, table.a.values, width, rank, scaleOf(config, module, rank));
      merged.set(name, added(weight, turned(update, width, count), rows));
    } else merged.set(name, weight);
  }
  return merged;
}

function scaleOf(config: Config, module: string, rank: number): number {
  const patterns = Object.entries(config.alpha_pattern ?? {});
  const found = patterns.find(([pattern]) => new RegExp(`^(.*\\.)?(${pattern})$`).test(module));
  const alpha = found?.[1] ?? config.lora_alpha;
  return alpha / (config.use_rslora ? Math.sqrt(rank) : rank);
}

/** scale·B·A with B [rows, rank] and A [rank, columns]. */
function product(b: Float32Array, a: Float32Array, rows: number, rank: number, scale: number): Float64Array {
  const columns = a.length / rank;
  const result = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let inner = 0; inner < rank; inner++) {
      const factor = scale * b[row * rank + inner]!;
      for (let column = 0; column < columns; column++) {
        result[row * columns + column]! += factor * a[inner * columns + column]!;
      }
    }
  }
  return result;
}

function turned(values: Float64Array, rows: number, columns: number): Float64Array {
  return values.map((_, index) => values[(index % rows) * columns + Math.floor(index / rows)]!);
}

/** The weight plus its update; with a magnitude each row is set to that length. */
function added(
  weight: Float32Array,
  update: Float64Array,
  rows: number,
  magnitude?: Float32Array,
): Float32Array {
  const columns = weight.length / rows;
  const sum = update.map((value, index) => value + weight[index]!);
  if (!magnitude) return Float32Array.from(sum);
  const factors = Float64Array.from({ length: rows }, (_, row) => {
    const squares = sum.subarray(row * columns, (row + 1) * columns).map((value) => value * value);
    return magnitude[row]! / Math.sqrt(squares.reduce((total, square) => total + square, 0));
  });
  return Float32Array.from(sum, (value, index) => factors[Math.floor(index / columns)]! * value);
}
