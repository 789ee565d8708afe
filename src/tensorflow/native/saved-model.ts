import protobuf from 'protobufjs/light.js';
import type { NodeAttribute } from './attributes.ts';
import { dataTypeCodes } from './dtypes.ts';
import type { NodeDef } from './graph-builder.ts';

/**
 * The protocol buffers of a SavedModel, reduced to the fields that are written here. Sources:
 * saved_model.proto and meta_graph.proto of tensorflow/core/protobuf, the rest of tensorflow/core/framework.
 */
const messages = {
  SavedModel: {
    fields: {
      savedModelSchemaVersion: { type: 'int64', id: 1 },
      metaGraphs: { rule: 'repeated', type: 'MetaGraphDef', id: 2 },
    },
  },
  MetaGraphDef: {
    fields: { metaInfoDef: { type: 'MetaInfoDef', id: 1 }, graphDef: { type: 'GraphDef', id: 2 } },
  },
  MetaInfoDef: { fields: { tags: { rule: 'repeated', type: 'string', id: 4 } } },
  GraphDef: {
    fields: { node: { rule: 'repeated', type: 'NodeDef', id: 1 }, versions: { type: 'VersionDef', id: 4 } },
  },
  VersionDef: { fields: { producer: { type: 'int32', id: 1 } } },
  NodeDef: {
    fields: {
      name: { type: 'string', id: 1 },
      op: { type: 'string', id: 2 },
      input: { rule: 'repeated', type: 'string', id: 3 },
      attr: { keyType: 'string', type: 'AttrValue', id: 5 },
    },
  },
  AttrValue: {
    oneofs: { value: { oneof: ['list', 's', 'i', 'f', 'b', 'type', 'shape', 'tensor'] } },
    fields: {
      list: { type: 'ListValue', id: 1 },
      s: { type: 'bytes', id: 2 },
      i: { type: 'int64', id: 3 },
      f: { type: 'float', id: 4 },
      b: { type: 'bool', id: 5 },
      type: { type: 'int32', id: 6 },
      shape: { type: 'TensorShape', id: 7 },
      tensor: { type: 'Tensor', id: 8 },
    },
  },
  ListValue: {
    fields: {
      s: { rule: 'repeated', type: 'bytes', id: 2 },
      i: { rule: 'repeated', type: 'int64', id: 3, options: { packed: true } },
      f: { rule: 'repeated', type: 'float', id: 4, options: { packed: true } },
      b: { rule: 'repeated', type: 'bool', id: 5, options: { packed: true } },
      type: { rule: 'repeated', type: 'int32', id: 6, options: { packed: true } },
      shape: { rule: 'repeated', type: 'TensorShape', id: 7 },
    },
  },
  Dim: { fields: { size: { type: 'int64', id: 1 } } },
  TensorShape: { fields: { dim: { rule: 'repeated', type: 'Dim', id: 2 } } },
  Tensor: {
    fields: {
      dtype: { type: 'int32', id: 1 },
      tensorShape: { type: 'TensorShape', id: 2 },
      tensorContent: { type: 'bytes', id: 4 },
    },
  },
};

const savedModelType = protobuf.Root.fromJSON({ nested: messages }).lookupType('SavedModel');

/** A version of the graph format that TensorFlow 2 writes. With older ones it would apply old behaviour. */
const graphVersion = 1087;

/**
 * Encodes a graph as the contents of `saved_model.pb`, the file that a `Session` loads: one graph with the tag
 * 'serve', without signatures or saved variables.
 */
export function encodeSavedModel(nodes: readonly NodeDef[]): Uint8Array {
  return savedModelType
    .encode({
      savedModelSchemaVersion: 1,
      metaGraphs: [
        {
          metaInfoDef: { tags: ['serve'] },
          graphDef: { node: nodes.map(nodeMessage), versions: { producer: graphVersion } },
        },
      ],
    })
    .finish();
}

function nodeMessage({ name, op, inputs, attributes }: NodeDef) {
  const attr = Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, valueMessage(value)]),
  );
  return { name, op, input: inputs, attr };
}

function valueMessage(value: NodeAttribute) {
  if ('string' in value) return { s: Buffer.from(value.string) };
  if ('int' in value) return { i: value.int };
  if ('float' in value) return { f: value.float };
  if ('bool' in value) return { b: value.bool };
  if ('type' in value) return { type: dataTypeCodes[value.type] };
  if ('shape' in value) return { shape: shapeMessage(value.shape) };
  if ('shapes' in value) return { list: { shape: value.shapes.map(shapeMessage) } };
  if ('strings' in value) return { list: { s: value.strings.map((text) => Buffer.from(text)) } };
  if ('ints' in value) return { list: { i: value.ints } };
  if ('floats' in value) return { list: { f: value.floats } };
  if ('bools' in value) return { list: { b: value.bools } };
  if ('types' in value) return { list: { type: value.types.map((type) => dataTypeCodes[type]) } };
  const { dtype, shape, values } = value.tensor;
  const tensorContent = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return { tensor: { dtype: dataTypeCodes[dtype], tensorShape: shapeMessage(shape), tensorContent } };
}

function shapeMessage(shape: readonly number[]) {
  return { dim: shape.map((size) => ({ size })) };
}
