import type * as tf from '@tensorflow/tfjs';
import { type Attributes, rawAttributes } from './attributes.ts';
import { nativeBackend, uploadTensor } from './backend.ts';
import type { HostTensor } from './dtypes.ts';

/**
 * Runs one TensorFlow op eagerly by name, for ops that tfjs has no function for. As with functions of tfjs,
 * the result belongs to the enclosing `tf.tidy`, and the call can be recorded. There is no gradient.
 *
 * @param inputs tensors of tfjs, or values that are uploaded for this call only
 * @returns the op's first output
 * @throws TensorFlowError if tfjs does not run on native TensorFlow
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

/** Like `runOp`, and returns the op's first `outputs` outputs. */
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
      const id = uploadTensor(binding, input);
      uploads.push(id);
      return id;
    });
    const results = binding.executeOp(op, rawAttributes(attributes, binding), ids, outputs);
    return results.map((result) => backend.createOutputTensor(result));
  } finally {
    for (const id of uploads) binding.deleteTensor(id);
  }
}
