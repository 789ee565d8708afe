export { type Balance, type Budget, balance, bestWithinBudget, type ClassCount } from './policy.ts';
export { type SteeredReplay, type SteeredReplayOptions, steeredReplay } from './steered-replay.ts';
export { type StrengthCheck, type StrengthSearch, searchStrength } from './strength.ts';
export {
  type GuardCheck,
  type GuardedProgress,
  type GuardedResult,
  type GuardHistory,
  type GuardOptions,
  trainGuarded,
} from './train-guarded.ts';
