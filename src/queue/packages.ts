import { QueueError } from '../errors.ts';

/**
 * Loads a package that only queues need. They are optional peer dependencies, because most users have no queue.
 *
 * @throws QueueError if it is not installed
 */
export async function loadPackage<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new QueueError(
      'queue-unavailable',
      "a queue needs the packages bullmq and ioredis; install them ('npm install bullmq ioredis')",
      { cause: error },
    );
  }
}
