// Fine-tunes a base with every combination of some settings and several seeds, and recommends one of them.
export type { Configuration, Grid } from './grid.ts';
export { readSweepReport, renderSweepText, type SweepReport } from './report/index.ts';
export { MAX_TRIALS, type SweepOptions, type SweepResult, sweep } from './sweep.ts';
export type { SweepProgress } from './trainer.ts';
