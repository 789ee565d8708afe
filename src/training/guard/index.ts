export { type AdaptiveReplay, adaptiveReplay, type SteeredReplayOptions } from './adaptive-replay.ts';
export { type Balance, type Budget, balance, bestWithinBudget, type ClassCount } from './policy.ts';
export { type StrengthCheck, type StrengthSearch, searchStrength } from './strength.ts';
export {
  type GuardCheck,
  type GuardedProgress,
  type GuardedResult,
  type GuardHistory,
  type GuardOptions,
  trainGuarded,
} from './train-guarded.ts';
