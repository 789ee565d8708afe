import * as tf from '@tensorflow/tfjs';
import { UsageError } from './errors.ts';

/**
 * Checks that a value is a LayersModel of the tfjs that this library uses.
 *
 * @throws UsageError that names what it is instead
 */
export function requireLayersModel(model: unknown): asserts model is tf.LayersModel {
  if (!(model instanceof tf.LayersModel))
    throw new UsageError('invalid-argument', `model: ${problemOf(model)}`);
}

function problemOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return `must be a tf.LayersModel (${String(value)})`;
  if (isPromise(value)) return 'is a Promise; await it first, as in await tf.loadLayersModel(url)';
  if (isGraphModel(value))
    return (
      'is a GraphModel; only LayersModels can be adapted, because a GraphModel has no layers and cannot be trained; ' +
      "convert the Keras model with 'tensorflowjs_converter --output_format tfjs_layers_model'"
    );
  if (value instanceof tf.layers.Layer)
    return `is a layer (${value.getClassName()} '${value.name}'); pass the model that it belongs to`;
  if (looksLikeLayersModel(value))
    return (
      `'${value.name}' was made by another copy of @tensorflow/tfjs than the one that tfjs-lora uses ` +
      `(${tf.version.tfjs}); install one copy of that version, which 'npm ls @tensorflow/tfjs' shows`
    );
  return `must be a tf.LayersModel (${value.constructor?.name ?? 'object'})`;
}

function isPromise(value: object): boolean {
  return 'then' in value && typeof value.then === 'function';
}

/** Also for a GraphModel of another copy of tfjs. */
function isGraphModel(value: object): boolean {
  return value instanceof tf.GraphModel || ('modelSignature' in value && 'executeAsync' in value);
}

function looksLikeLayersModel(value: object): value is { readonly name: string } {
  return 'layers' in value && 'getClassName' in value && 'predict' in value;
}
