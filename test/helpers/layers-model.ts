import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';

interface StoredModel {
  readonly modelTopology: object;
  /** Stored name and value of each weight, in order. */
  readonly weights: readonly (readonly [name: string, value: tf.Tensor])[];
}

/** Topology and weights of a model, with the names that tfjs stores. */
export async function storedModel(model: tf.LayersModel): Promise<StoredModel> {
  const modelTopology = model.toJSON(null, false) as object;
  return {
    modelTopology,
    weights: model.weights.map((weight) => [weight.originalName, weight.read()] as const),
  };
}

/**
 * Writes a model.json with its weights in two files, as the converter does.
 *
 * @param options.quantize whether to store float32 weights as uint8 with a scale and a minimum
 * @returns the path of the model.json, and the values as stored
 */
export async function writeLayersModel(
  folder: string,
  { modelTopology, weights }: { readonly modelTopology: unknown; readonly weights: StoredModel['weights'] },
  { quantize = false } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const parts: Buffer[] = [];
  const specs = weights.map(([name, tensor]) => {
    const values = tensor.dataSync() as Float32Array;
    const spec = { name, shape: tensor.shape, dtype: 'float32' };
    if (!quantize) {
      parts.push(Buffer.from(Float32Array.from(values).buffer));
      return spec;
    }
    const min = Math.min(...values);
    const scale = (Math.max(...values) - min) / 255 || 1;
    parts.push(Buffer.from(Uint8Array.from(values, (value) => Math.round((value - min) / scale))));
    return { ...spec, quantization: { dtype: 'uint8', scale, min, original_dtype: 'float32' } };
  });
  const bytes = Buffer.concat(parts);
  const half = Math.floor(bytes.length / 2);
  await writeFile(join(folder, 'group1-shard1of2.bin'), bytes.subarray(0, half));
  await writeFile(join(folder, 'group1-shard2of2.bin'), bytes.subarray(half));
  const path = join(folder, 'model.json');
  const paths = ['group1-shard1of2.bin', 'group1-shard2of2.bin'];
  const json = { format: 'layers-model', modelTopology, weightsManifest: [{ paths, weights: specs }] };
  await writeFile(path, JSON.stringify(json));
  return path;
}

/** The outputs of a model. */
export function outputs(model: tf.LayersModel, input: tf.Tensor): number[] {
  return tf.tidy(() => [...(model.predict(input) as tf.Tensor).dataSync()]);
}
