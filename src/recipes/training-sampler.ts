import { type OrderOptions, type Sampler, samplerOfOrders, shuffledSampler } from '../data/index.ts';
import type { LoadedTensorFlow } from '../tensorflow/index.ts';
import { OrdersAhead } from './orders-ahead.ts';
import type { Scope } from './scope.ts';

/**
 * Like `shuffledSampler`. While a GPU trains, another thread draws the orders of the next epochs.
 *
 * @param scope ends that thread
 */
export function trainingSampler(
  options: OrderOptions,
  { device }: Pick<LoadedTensorFlow, 'device'>,
  scope: Pick<Scope, 'temporary'>,
): Sampler {
  if (device !== 'cuda') return shuffledSampler(options);
  const ahead = scope.temporary(new OrdersAhead(options));
  return samplerOfOrders(options, (epoch) => ahead.orderOf(epoch));
}
