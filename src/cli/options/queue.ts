import { UsageError } from '../../errors.ts';
import type { QueueOptions } from '../../queue/index.ts';

/**
 * The queue that the options name.
 *
 * @throws UsageError if `--queue` is missing
 */
export function requireQueue({
  queue,
  queuePrefix,
}: {
  readonly queue?: string;
  readonly queuePrefix: string;
}): QueueOptions {
  if (queue !== undefined) return { url: queue, prefix: queuePrefix };
  throw new UsageError(
    'invalid-argument',
    '--queue is missing; name the Redis server, such as redis://host:6379',
  );
}
