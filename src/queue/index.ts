// Trials of a sweep on other machines, through BullMQ on Redis. Both are loaded when a queue is first used.
export type { QueueOptions } from './address.ts';
export { runTrialsInQueue } from './run-trials.ts';
export {
  cancelSweeps,
  type QueueStatus,
  queueStatus,
  type SweepStatus,
  type WorkerStatus,
} from './status.ts';
export { runWorker, type WorkerOptions } from './worker.ts';
export type { WorkerResult, WorkerTrial } from './worker-results.ts';
