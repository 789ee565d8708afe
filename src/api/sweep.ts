/** The entry point `tfjs-lora/sweep`: fine-tunes with every combination of some settings and recommends one. */
export {
  cancelSweeps,
  type QueueOptions,
  type QueueStatus,
  queueStatus,
  runWorker,
  type SweepStatus,
  type WorkerOptions,
  type WorkerResult,
  type WorkerStatus,
  type WorkerTrial,
} from '../queue/index.ts';
export {
  type Configuration,
  type Grid,
  MAX_TRIALS,
  readSweepReport,
  renderSweepText,
  type SweepOptions,
  type SweepProgress,
  type SweepReport,
  type SweepResult,
  sweep,
} from '../sweep/index.ts';
