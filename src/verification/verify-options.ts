import type * as tf from '@tensorflow/tfjs';

/** The model to verify, and what to compare it with. */
export interface VerifyOptions<Model = tf.LayersModel | tf.GraphModel> {
  /** The model without adapters. */
  readonly base: Model;
  /** The same model with adapters, or `base` itself. */
  readonly model: Model;
  /** Examples to compare outputs on: one tensor [examples, ...] for each input of the model. */
  readonly inputs: readonly tf.Tensor[];
  /** The content hash that the base should have, recorded when the adapter was made. */
  readonly baseHash: string;
}
