import type { TrialDevice } from '../trials/index.ts';
import { version } from '../version.ts';
import type { Connection } from './connection.ts';
import type { QueueWorker, Refusal } from './documents.ts';
import { listWorkers } from './workers.ts';

/**
 * Returns a function that reports, once each, that no worker takes the trials of a sweep, and which workers refuse them.
 */
export function refusalNotices(
  connection: Connection,
  sweep: string,
  device: TrialDevice,
  onNotice: (message: string) => void,
): () => Promise<void> {
  const noticed = new Set<string>();
  const notice = (message: string) => {
    if (!noticed.has(message)) onNotice(message);
    noticed.add(message);
  };
  return async () => {
    const workers = await listWorkers(connection);
    for (const worker of workers) {
      const refusal = worker.refused[sweep];
      if (refusal)
        notice(
          `${connection.address.name}: worker ${worker.name} refuses this sweep: ${describe(refusal, worker, device)}`,
        );
    }
    const isServed = workers.some(({ refused }) => refused[sweep] === undefined);
    if (!isServed)
      notice(`${connection.address.name}: no worker takes the trials of this sweep yet; start one`);
  };
}

function describe(refusal: Refusal, worker: QueueWorker, device: TrialDevice): string {
  switch (refusal) {
    case 'version':
      return `it has tfjs-lora ${worker.version}, not ${version}`;
    case 'device':
      return `it trains on ${worker.device}, not on ${device}`;
    case 'data':
      return 'its images are others';
    case 'base':
      return 'it cannot open the base';
    case 'steps':
      return 'it does not allow that many steps';
  }
}
