import * as tf from '@tensorflow/tfjs';
import { TensorFlowError } from '../../errors.ts';
import { dataTypeCodes, type HostTensor, type TensorValues } from './dtypes.ts';

/**
 * The parts of tfjs-node that this library uses beyond its public API. tfjs-node is a backend of tfjs in
 * JavaScript on top of an addon in C++, and every tensor, op and graph of TensorFlow passes through a handful
 * of functions of the addon. The addon refers to tensors by number (an id), tfjs by an object (`dataId`).
 */

/** A tensor that the addon returns: an output of an op or of a graph. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  /** A number of `dataTypeCodes`. */
  readonly dtype: number;
}

/** An attribute of an op in the addon's form; `type` is one of its `TF_ATTR_` constants. */
export interface RawAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** tfjs-node's C++ addon. */
export interface Binding {
  /** Strings are given as bytes, one `Uint8Array` for each. */
  createTensor(shape: readonly number[], dtype: number, values: TensorValues | Uint8Array[]): number;
  deleteTensor(id: number): void;
  /** Waits for the tensor and copies its values into JavaScript. */
  tensorDataSync(id: number): TensorValues;
  executeOp(name: string, attributes: RawAttribute[], inputs: number[], outputs: number): TensorMetadata[];
  /** Loads the graph of a SavedModel that carries one of the comma-separated `tags`. */
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** Feeds `inputs` to the comma-separated nodes `inputNames`, and fetches `outputNames`. */
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): TensorMetadata[];
  getNumOfTensors(): number;
  getNumOfSavedModels(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_Version: string;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
}

/** tfjs-node's backend of tfjs. */
export interface NativeBackend {
  binding: Binding;
  /** How many tensors and variables of tfjs share these values. */
  refCount(dataId: object): number;
  readonly tensorMap: { has(dataId: object): boolean };
  /** Ids of tensors, in order. Uploads values that tfjs still keeps in JavaScript. */
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  /** Makes a tensor of tfjs, which then owns the addon's tensor. */
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
}

/** Whether tfjs runs on native TensorFlow (CPU or CUDA), which graphs need. */
export function hasNativeBackend(): boolean {
  return tf.getBackend() === 'tensorflow';
}

/** @throws TensorFlowError if tfjs runs on another backend */
export function nativeBackend(): NativeBackend {
  if (!hasNativeBackend()) {
    throw new TensorFlowError(
      'native-backend-required',
      `native TensorFlow: not loaded, but graphs and raw ops need it (tfjs runs on '${tf.getBackend()}'); load it for the device 'cpu' or 'cuda' first`,
    );
  }
  return tf.backend() as unknown as NativeBackend;
}

/** Creates a tensor of the addon from values and returns its id. The caller deletes it. */
export function uploadTensor(binding: Binding, { dtype, shape, values }: HostTensor): number {
  return binding.createTensor(shape, dataTypeCodes[dtype], values);
}

/** The tensor's id in the addon. Uploads values that tfjs still keeps in JavaScript. */
export function tensorId(backend: NativeBackend, tensor: tf.TensorInfo): number {
  return backend.getInputTensorIds([tensor])[0]!;
}
