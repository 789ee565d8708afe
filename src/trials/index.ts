// A trial: one fine-tuning of a sweep, as a run folder with a record, trained in a process of its own.
export { dataOf, holdOut } from './held-out.ts';
export type { TrialLimits } from './limits.ts';
export type { TrialSetup } from './messages.ts';
export {
  attemptsFailed,
  commonError,
  MAX_ATTEMPTS,
  runTrialsInPool,
  stateOf,
  type TrialOutcome,
  type TrialsOptions,
  type TrialsState,
} from './pool.ts';
export { runTrial, type TrialContext } from './run-trial.ts';
export {
  parseSpec,
  parseTrial,
  readTrial,
  saveTrial,
  TRIAL_DEVICES,
  type TrialDevice,
  type TrialRecord,
  type TrialResult,
  type TrialSpec,
  trialFile,
  trialFolder,
  trialId,
  trialRecord,
} from './trial.ts';
export { type TrialAnswer, TrialProcess } from './trial-process.ts';
