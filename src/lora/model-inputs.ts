import * as tf from '@tensorflow/tfjs';
import { wrongArgument } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { listNames } from '../quote.ts';

/** A batch of a model's inputs, as `predict` takes it. */
export type ModelInputs = tf.Tensor | tf.Tensor[] | tf.NamedTensorMap;

/**
 * Checks that a value can be passed to a model as inputs. The shapes are only checked for a LayersModel.
 *
 * @param name of the value for the message, such as `inputs`
 * @throws UsageError if it is not a tensor, list or object with one tensor for each input, or a tensor has another shape than
 *   its input
 */
export function checkModelInputs(name: string, model: AdaptableModel, inputs: unknown): void {
  const isTensor = inputs instanceof tf.Tensor;
  const values: unknown[] = isTensor ? [inputs] : Object.values(Object(inputs));
  const names = Array.isArray(inputs) || isTensor ? [] : Object.keys(Object(inputs));
  const isGraph = isLayeredGraphModel(model);
  const isComplete = isGraph
    ? values.length > 0
    : values.length === model.inputs.length && names.every((input) => inputNames(model).includes(input));
  if (!isComplete || !values.every((value) => value instanceof tf.Tensor)) {
    const expected = isGraph
      ? 'a tensor, or tensors by the names of inputs'
      : `a tensor for each of the inputs ${listNames(inputNames(model))}`;
    throw wrongArgument(name, expected, inputs);
  }
  if (!isGraph) checkShapes(name, model, inputList(model, inputs as ModelInputs));
}

/**
 * @throws UsageError if a tensor does not have the shape of its input, where null stands for any size. As in `predict`, the
 *   batch can have any size.
 */
function checkShapes(name: string, model: tf.LayersModel, tensors: readonly tf.Tensor[]): void {
  for (const [index, { shape, sourceLayer }] of model.inputs.entries()) {
    const given = tensors[index]!.shape;
    const fits = (size: number, axis: number) => axis === 0 || size === (shape[axis] ?? size);
    if (given.length === shape.length && given.every(fits)) continue;
    const expected = shape.map((size, axis) => (axis === 0 ? 'batch' : (size ?? 'any')));
    throw new UsageError(
      'invalid-argument',
      `${name}: input ${sourceLayer.name} must have shape [${expected}] ([${given}])`,
    );
  }
}

/** Returns the names of the inputs of a LayersModel. tfjs sets `inputNames` of a Sequential only when it is first used. */
function inputNames(model: tf.LayersModel): string[] {
  return model.inputs.map(({ sourceLayer }) => sourceLayer.name);
}

/** Returns the tensors in the order of the model's inputs. */
export function inputList(model: tf.LayersModel, inputs: ModelInputs): tf.Tensor[] {
  if (inputs instanceof tf.Tensor) return [inputs];
  return Array.isArray(inputs) ? inputs : inputNames(model).map((name) => inputs[name]!);
}
