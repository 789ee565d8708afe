// A MobileNetV2 as converters write it, a GraphModel with folded batch normalization, and random images. Its weights are
// random. mobilenet_pytorch.py builds the same network.
import * as tf from '@tensorflow/tfjs';

/** Width and height of the images. */
export const SIZE = 224;
export const CLASSES = 10;
/** The adapter: pointwise convolutions by node name. */
export const LORA = { rank: 4, alpha: 8, targets: '.*/(expand|project)|last' };

/**
 * Blocks of the network: expansion, output channels, repetitions, stride of the first.
 *
 * @type {readonly (readonly [number, number, number, number])[]}
 */
const BLOCKS = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

/** Returns random images [count, 224, 224, 3] from 0 to 1 and their labels. */
export function randomImages(/** @type {number} */ count) {
  return tf.tidy(() => ({
    count,
    images: tf.randomUniform([count, SIZE, SIZE, 3], 0, 1, 'float32', 1).dataSync(),
    labels: Int32Array.from({ length: count }, (_, row) => row % CLASSES),
  }));
}

/** Returns the network, which maps images [batch, 224, 224, 3] to logits [batch, 10]. */
export function createMobileNet() {
  const graph = new GraphBuilder();
  graph.node('images', 'Placeholder', [], {
    dtype: { type: 'DT_FLOAT' },
    shape: shapeOf([-1, SIZE, SIZE, 3]),
  });
  let output = graph.convolution('first', 'images', [3, 3, 3, 32], { stride: 2 });
  let channels = 32;
  let number = 0;
  for (const [expansion, filters, repetitions, firstStride] of BLOCKS)
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const block = `block_${number++}`;
      const stride = repetition === 0 ? firstStride : 1;
      const wide = channels * expansion;
      let inner = output;
      if (expansion > 1) inner = graph.convolution(`${block}/expand`, inner, [1, 1, channels, wide]);
      inner = graph.convolution(`${block}/depthwise`, inner, [3, 3, wide, 1], { stride, isDepthwise: true });
      inner = graph.convolution(`${block}/project`, inner, [1, 1, wide, filters], { isLinear: true });
      output = repetition === 0 ? inner : graph.node(`${block}/add`, 'AddV2', [inner, output]);
      channels = filters;
    }
  output = graph.convolution('last', output, [1, 1, channels, 1280]);
  output = graph.node('features', 'Mean', [output, graph.constant('axes', tf.tensor1d([1, 2], 'int32'))]);
  graph.node('logits', 'MatMul', [output, graph.randomConstant('logits/weights', [1280, CLASSES], 1280)]);
  return graph.load();
}

/** Collects the nodes and constants of a GraphModel. */
class GraphBuilder {
  /** @type {object[]} */
  #nodes = [];
  /** @type {[name: string, tensor: tf.Tensor][]} */
  #constants = [];

  /**
   * Adds a node.
   *
   * @param {string} name
   * @param {string} op
   * @param {string[]} input
   * @param {object} attr
   * @returns {string} its name
   */
  node(name, op, input, attr = {}) {
    this.#nodes.push({ name, op, input, attr });
    return name;
  }

  /**
   * @param {string} name
   * @param {tf.Tensor} tensor
   */
  constant(name, tensor) {
    this.#constants.push([name, tensor]);
    const dtype = tensor.dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
    return this.node(name, 'Const', [], {
      dtype: { type: dtype },
      value: { tensor: { dtype, tensorShape: shapeOf(tensor.shape).shape } },
    });
  }

  /**
   * @param {string} name
   * @param {number[]} shape
   * @param {number} inputs values that a unit sums up
   */
  randomConstant(name, shape, inputs) {
    return this.constant(
      name,
      tf.randomNormal(shape, 0, Math.sqrt(2 / inputs), 'float32', this.#constants.length),
    );
  }

  /**
   * Adds a convolution with a bias, and ReLU6 unless `isLinear`.
   *
   * @param {string} name
   * @param {string} input
   * @param {[number, number, number, number]} kernelShape
   * @param {{ stride?: number, isDepthwise?: boolean, isLinear?: boolean }} [options]
   */
  convolution(name, input, kernelShape, { stride = 1, isDepthwise = false, isLinear = false } = {}) {
    const [height, width, inputs, filters] = kernelShape;
    const kernel = this.randomConstant(
      `${name}/weights`,
      kernelShape,
      height * width * (isDepthwise ? 1 : inputs),
    );
    const bias = this.constant(`${name}/bias`, tf.zeros([isDepthwise ? inputs : filters]));
    const fusedOps = isLinear ? ['BiasAdd'] : ['BiasAdd', 'Relu6'];
    return this.node(
      name,
      isDepthwise ? 'FusedDepthwiseConv2dNative' : '_FusedConv2D',
      [input, kernel, bias],
      {
        strides: { list: { i: ['1', `${stride}`, `${stride}`, '1'] } },
        padding: { s: btoa('SAME') },
        data_format: { s: btoa('NHWC') },
        dilations: { list: { i: ['1', '1', '1', '1'] } },
        fused_ops: { list: { s: fusedOps.map((op) => btoa(op)) } },
        num_args: { i: '1' },
      },
    );
  }

  load() {
    const values = this.#constants.map(([, tensor]) => tensor.dataSync());
    const bytes = values.map((data) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    const weightSpecs = this.#constants.map(([name, { dtype, shape }]) => ({
      name,
      dtype: /** @type {'float32' | 'int32'} */ (dtype),
      shape,
    }));
    tf.dispose(this.#constants.map(([, tensor]) => tensor));
    return tf.loadGraphModel(
      tf.io.fromMemory({
        format: 'graph-model',
        modelTopology: { node: this.#nodes, versions: { producer: 1, minConsumer: 1 }, library: {} },
        weightSpecs,
        weightData: new Uint8Array(Buffer.concat(bytes)).buffer,
      }),
    );
  }
}

/** @param {readonly number[]} shape */
function shapeOf(shape) {
  return { shape: { dim: shape.map((size) => ({ size: `${size}` })) } };
}
