import * as tf from '@tensorflow/tfjs';

type Spec = tf.io.WeightsManifestEntry;

/**
 * Returns the files of a GraphModel with other values for some weights, in float32. The bytes of the other weights stay
 * as they are stored, also quantized ones.
 *
 * @param artifacts of the model
 * @param weights all weights of the model; used if the model was loaded as a stream, which tfjs does not keep
 * @param changed float32 tensors by name, of the same shapes
 */
export function replaceWeights(
  artifacts: tf.io.ModelArtifacts,
  weights: Readonly<Record<string, readonly tf.Tensor[]>>,
  changed: ReadonlyMap<string, tf.Tensor>,
): tf.io.ModelArtifacts {
  const specs = artifacts.weightSpecs ?? [];
  const stored = storedBytes(artifacts);
  let offset = 0;
  const entries = specs.map((spec): { spec: Spec; bytes: Uint8Array } => {
    const size = stored ? byteLength(spec, stored, offset) : 0;
    const bytes = stored?.subarray(offset, offset + size);
    offset += size;
    const replacement = changed.get(spec.name) ?? (bytes ? undefined : weights[spec.name]![0]);
    if (!replacement) return { spec, bytes: bytes! };
    const { quantization: _, ...plain } = spec;
    return { spec: { ...plain, dtype: replacement.dtype as Spec['dtype'] }, bytes: bytesOf(replacement) };
  });
  const { getWeightStream: _, ...others } = artifacts;
  return {
    ...others,
    weightSpecs: entries.map(({ spec }) => spec),
    weightData: concatenate(entries.map(({ bytes }) => bytes)),
  };
}

function storedBytes({ weightData }: tf.io.ModelArtifacts): Uint8Array | undefined {
  if (weightData === undefined) return undefined;
  const parts = Array.isArray(weightData) ? weightData : [weightData];
  return new Uint8Array(concatenate(parts.map((part) => new Uint8Array(part))));
}

/** The number of bytes in which a weight is stored (`tf.io.decodeWeights`). */
function byteLength({ dtype, shape, quantization }: Spec, stored: Uint8Array, offset: number): number {
  const size = tf.util.sizeFromShape(shape);
  if (dtype === 'string') return stringsLength(size, stored, offset);
  const stored32 = dtype === 'bool' ? 1 : dtype === 'complex64' ? 8 : 4;
  const stepBytes = { uint8: 1, uint16: 2, float16: 2 }[quantization?.dtype as string];
  return size * (stepBytes ?? stored32);
}

/** Each string follows its length, 4 bytes. */
function stringsLength(count: number, stored: Uint8Array, offset: number): number {
  const view = new DataView(stored.buffer, stored.byteOffset + offset);
  let length = 0;
  for (let index = 0; index < count; index++) length += 4 + view.getUint32(length, true);
  return length;
}

function bytesOf(tensor: tf.Tensor): Uint8Array {
  if (tensor.dtype === 'string') {
    const strings = tensor.dataSync<'string'>() as unknown as string[];
    return new Uint8Array(
      concatenate(
        strings.flatMap((text) => {
          const bytes = new TextEncoder().encode(text);
          return [new Uint8Array(new Uint32Array([bytes.length]).buffer), bytes];
        }),
      ),
    );
  }
  const values = tensor.dataSync();
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function concatenate(parts: readonly Uint8Array[]): ArrayBuffer {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined.buffer;
}
