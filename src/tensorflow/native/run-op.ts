import type * as tf from '@tensorflow/tfjs';
import { type Attributes, rawAttributes } from './attributes.ts';
import { nativeBackend, type TensorMetadata } from './backend.ts';
import { dataTypeCodes, type HostTensor } from './dtypes.ts';

/**
 * Runs one op of TensorFlow by its name, eagerly: for ops that tfjs has no function for. Like a function of tfjs, the call
 * can be recorded by `src/graph`, its result belongs to the enclosing `tf.tidy`, and it has no gradient.
 *
 * @param inputs tensors of tfjs, or values that are uploaded for this call
 * @returns the op's first output
 * @throws TensorFlowError on another backend
 * @example
 * const bits = runOp('BitwiseXor', { T: { type: 'int32' } }, [a, b]); // [n] int32
 */
export function runOp(
  op: string,
  attributes: Attributes,
  inputs: readonly (tf.TensorInfo | HostTensor)[],
): tf.Tensor {
  return runOpOutputs(op, attributes, inputs, 1)[0]!;
}

/** Like `runOp`, for an op with several outputs. */
export function runOpOutputs(
  op: string,
  attributes: Attributes,
  inputs: readonly (tf.TensorInfo | HostTensor)[],
  outputs: number,
): tf.Tensor[] {
  const backend = nativeBackend();
  const { binding } = backend;
  const uploads: number[] = [];
  try {
    const ids = inputs.map((input) => {
      if ('dataId' in input) return backend.getInputTensorIds([input])[0]!;
      const id = binding.createTensor(input.shape, dataTypeCodes[input.dtype], input.values);
      uploads.push(id);
      return id;
    });
    const results: TensorMetadata[] = binding.executeOp(op, rawAttributes(attributes, binding), ids, outputs);
    return results.map((result) => backend.createOutputTensor(result));
  } finally {
    for (const id of uploads) binding.deleteTensor(id);
  }
}
