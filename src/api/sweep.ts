/** The entry point `tfjs-lora/sweep`: fine-tunes with every combination of some settings and recommends one. */
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
