import * as tf from '@tensorflow/tfjs';
import { TensorFlowError } from '../../errors.ts';
import type { TensorValues } from './dtypes.ts';

/** What an op or a session run gives back for each output. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** An attribute of an op in the form of the addon; `type` is one of its TF_ATTR constants. See attributes.ts. */
export interface RawAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** tfjs-node's C++ addon: every tensor and op of the process passes through these few functions. */
export interface Binding {
  createTensor(shape: readonly number[], dtype: number, values: TensorValues | Uint8Array[]): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TensorValues;
  executeOp(name: string, attributes: RawAttribute[], inputs: number[], outputs: number): TensorMetadata[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
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

/** tfjs-node's backend, as far as it is used here. */
export interface NativeBackend {
  binding: Binding;
  refCount(dataId: object): number;
  readonly tensorMap: { has(dataId: object): boolean };
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
}

/** Whether tfjs runs on the native TensorFlow, which graphs need. */
export function hasNativeBackend(): boolean {
  return tf.getBackend() === 'tensorflow';
}

/** @throws TensorFlowError on another backend */
export function nativeBackend(): NativeBackend {
  if (!hasNativeBackend()) {
    throw new TensorFlowError(
      'tensorflow-failed',
      `graphs need the native TensorFlow, and tfjs runs on '${tf.getBackend()}'; run 'tfjs-lora setup', or use --engine eager`,
    );
  }
  return tf.backend() as unknown as NativeBackend;
}

/** The tensor's number in the addon; uploads values that tfjs still holds in JavaScript. */
export function tensorId(backend: NativeBackend, tensor: tf.TensorInfo): number {
  return backend.getInputTensorIds([tensor])[0]!;
}
