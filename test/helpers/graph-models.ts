import * as tf from '@tensorflow/tfjs';

/** A node of a GraphDef: `[name, op, inputs, attributes]`. */
export type NodeDef = readonly [
  name: string,
  op: string,
  inputs?: readonly string[],
  attributes?: Attributes,
];
type Attributes = Readonly<Record<string, unknown>>;

const shapeAttr = (shape: readonly number[]) => ({
  shape: { dim: shape.map((size) => ({ size: String(size) })) },
});

/** Attributes of a placeholder; -1 for the batch. */
export const placeholder = (shape: readonly number[], dtype = 'DT_FLOAT'): Attributes => ({
  dtype: { type: dtype },
  shape: shapeAttr(shape),
});

/** Attributes of convolutions. */
export const window = (
  strides: readonly number[],
  padding = 'SAME',
  dilations = [1, 1, 1, 1],
): Attributes => ({
  strides: { list: { i: strides.map(String) } },
  padding: { s: btoa(padding) },
  data_format: { s: btoa('NHWC') },
  dilations: { list: { i: dilations.map(String) } },
});

/** Attributes of fused ops. */
export const fused = (...ops: readonly string[]): Attributes => ({
  fused_ops: { list: { s: ops.map((op) => btoa(op)) } },
  num_args: { i: '1' },
});

const dtypes: Readonly<Record<string, string>> = { float32: 'DT_FLOAT', int32: 'DT_INT32' };

/** What a model is loaded from. */
export interface GraphOptions {
  readonly nodes: readonly NodeDef[];
  /** Constants by name. */
  readonly weights: Readonly<Record<string, tf.Tensor>>;
  readonly outputs?: readonly string[];
}

/** Returns a GraphModel's artifacts, as a converter would write them. The tensors are disposed. */
export function graphArtifacts({ nodes, weights, outputs }: GraphOptions): tf.io.ModelArtifacts {
  const constants = Object.entries(weights).map(([name, { dtype, shape }]) => ({
    name,
    op: 'Const',
    attr: {
      dtype: { type: dtypes[dtype] },
      value: { tensor: { dtype: dtypes[dtype], tensorShape: shapeAttr(shape).shape } },
    },
  }));
  const others = nodes.map(([name, op, input = [], attr = {}]) => ({ name, op, input, attr }));
  const bytes = Object.values(weights).map((tensor) => {
    const values = tensor.dataSync();
    return new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
  });
  const weightSpecs = Object.entries(weights).map(([name, { dtype, shape }]) => ({
    name,
    dtype: dtype as 'float32',
    shape,
  }));
  tf.dispose(Object.values(weights));
  const signature = outputs && {
    inputs: Object.fromEntries(
      others.filter(({ op }) => op === 'Placeholder').map(({ name }) => [name, { name: `${name}:0` }]),
    ),
    outputs: Object.fromEntries(outputs.map((name) => [name, { name: `${name}:0` }])),
  };
  return {
    modelTopology: {
      node: [...constants, ...others],
      versions: { producer: 1, minConsumer: 1 },
      library: {},
    },
    weightSpecs,
    weightData: Uint8Array.from(bytes.flatMap((part) => [...part])).buffer,
    format: 'graph-model',
    ...(signature && { signature }),
  };
}

/** Loads a GraphModel as a program would, from memory. */
export function graphModel(options: GraphOptions): Promise<tf.GraphModel> {
  return tf.loadGraphModel(tf.io.fromMemory(graphArtifacts(options)));
}

/** Saves a GraphModel and loads it again with plain tfjs. */
export async function reloadGraphModel(model: tf.GraphModel): Promise<tf.GraphModel> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return tf.loadGraphModel(tf.io.fromMemory(saved!));
}
