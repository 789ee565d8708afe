import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32Values, readSafetensors, type SafeTensor } from '../safetensors/index.ts';

/** The keys of `adapter_config.json` that the formula needs. */
interface AdapterConfig {
  readonly r: number;
  readonly lora_alpha: number;
  readonly alpha_pattern?: Readonly<Record<string, number>>;
  readonly use_rslora?: boolean;
  readonly target_parameters?: readonly string[];
}

const PREFIX = 'base_model.model.';

/**
 * Merges an adapter's files into a base by PEFT's documented formulas, in double precision:
 *
 *   W + s·B·A            linear and convolution, with s = alpha / r, for rsLoRA alpha / sqrt(r)
 *   W + s·(B·A)ᵀ         embedding
 *   W + s·B·A            parameters with two axes (`target_parameters`)
 *   m·V / |V|            DoRA, with V = W + s·B·A and the norm |V| of each row
 *
 * Trained biases and layers replace those of the base. This is a second implementation to compare `mergeLora` with,
 * so it shares no code with it except for reading safetensors files.
 *
 * @param folder contains `adapter_config.json` and `adapter_model.safetensors`
 * @param base the base's state dict, in PyTorch's layout: weights [out, in], [out, in, ...window]
 * @returns the merged state dict: float32 values of each tensor, row-major
 */
export async function mergeByFormula(
  folder: string,
  base: ReadonlyMap<string, SafeTensor>,
): Promise<Map<string, Float32Array>> {
  const configText = await readFile(join(folder, 'adapter_config.json'), 'utf8');
  const config = JSON.parse(configText) as AdapterConfig;
  const { tensors } = await readSafetensors(join(folder, 'adapter_model.safetensors'));
  const read = (name: string) => {
    const tensor = tensors.get(PREFIX + name);
    return tensor && { shape: tensor.shape, values: float32Values(name, tensor) };
  };
  const merged = new Map<string, Float32Array>();
  for (const [name, tensor] of base) {
    const module = name.slice(0, name.lastIndexOf('.'));
    const parameter = name.slice(name.lastIndexOf('.') + 1);
    const trained = read(name) ?? read(`${module}.base_layer.${parameter}`);
    const weight = trained?.values ?? float32Values(name, tensor);
    const [rows] = tensor.shape as [number];
    const depth = wrapperDepth(name, [...base.keys()], config.target_parameters ?? []);
    const wrapper = `${module}${'.base_layer'.repeat(depth ?? 0)}`;
    const linear = { a: read(`${wrapper}.lora_A.weight`), b: read(`${wrapper}.lora_B.weight`) };
    const embedding = { a: read(`${module}.lora_embedding_A`), b: read(`${module}.lora_embedding_B`) };
    const magnitude = read(`${module}.lora_magnitude_vector`)?.values;
    if ((parameter === 'weight' || depth !== undefined) && linear.a && linear.b) {
      const rank = linear.a.shape[0]!;
      const update = scaledProduct(
        linear.b.values,
        linear.a.values,
        rows,
        rank,
        scaleOf(config, depth === undefined ? module : name, rank),
      );
      merged.set(name, addUpdate(weight, update, rows, magnitude));
    } else if (parameter === 'weight' && embedding.a && embedding.b) {
      const [rank, count] = embedding.a.shape as [number, number];
      const [width] = embedding.b.shape as [number];
      const scale = scaleOf(config, module, rank);
      const update = scaledProduct(embedding.b.values, embedding.a.values, width, rank, scale);
      // The norm of DoRA is that of a column of the embeddings [count, width].
      const sum = addUpdate(transposed(weight, count, width), update, width, magnitude);
      merged.set(name, Float32Array.from(transposed(sum, width, count)));
    } else {
      merged.set(name, weight);
    }
  }
  return merged;
}

/**
 * How many wrappers of other parameters are around that of a parameter: PEFT wraps a module once for each parameter, in
 * their order.
 *
 * @returns `undefined` if the parameter is none of `targets`
 */
function wrapperDepth(
  name: string,
  parameters: readonly string[],
  targets: readonly string[],
): number | undefined {
  const isTarget = (parameter: string) =>
    targets.some((target) => parameter === target || parameter.endsWith(`.${target}`));
  if (!isTarget(name)) return undefined;
  const moduleOf = (parameter: string) => parameter.slice(0, parameter.lastIndexOf('.'));
  const siblings = parameters.filter(
    (parameter) => isTarget(parameter) && moduleOf(parameter) === moduleOf(name),
  );
  return siblings.length - 1 - siblings.indexOf(name);
}

function scaleOf(config: AdapterConfig, module: string, rank: number): number {
  const patterns = Object.entries(config.alpha_pattern ?? {});
  const match = patterns.find(([pattern]) => new RegExp(`^(.*\\.)?(${pattern})$`).test(module));
  const alpha = match?.[1] ?? config.lora_alpha;
  return alpha / (config.use_rslora ? Math.sqrt(rank) : rank);
}

/** scale·B·A [rows, columns], with B [rows, rank] and A [rank, columns]. */
function scaledProduct(
  b: Float32Array,
  a: Float32Array,
  rows: number,
  rank: number,
  scale: number,
): Float64Array {
  const columns = a.length / rank;
  const product = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let inner = 0; inner < rank; inner++) {
      const factor = scale * b[row * rank + inner]!;
      for (let column = 0; column < columns; column++) {
        product[row * columns + column]! += factor * a[inner * columns + column]!;
      }
    }
  }
  return product;
}

/** Transposes values [rows, columns]. */
function transposed(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: rows * columns },
    (_, index) => values[(index % rows) * columns + Math.floor(index / rows)]!,
  );
}

/** weight + update [rows, columns]; if `magnitude` [rows] is given, with each row scaled to that norm. */
function addUpdate(
  weight: ArrayLike<number>,
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
