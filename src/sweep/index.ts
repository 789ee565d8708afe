// Fine-tunes a base with every combination of some settings and several seeds, and recommends one of them.
export {
  type Configuration,
  configurationsOf,
  type Grid,
  gridSize,
  requireGrid,
  settingsOf,
} from './grid.ts';
export { halvingRounds, stepsForHalving, survivors } from './halving.ts';
export { paretoFront, recommend } from './recommend.ts';
export {
  readSweepReport,
  renderSweepText,
  type SweepReport,
  sweepJsonSchema,
  writeSweepReport,
} from './report/index.ts';
export { type ConfigurationScore, scoreConfiguration, scoreTrial } from './scores.ts';
export { MAX_TRIALS, type SweepOptions, type SweepResult, sweep } from './sweep.ts';
export type { SweepProgress } from './trainer.ts';
