export { type AdaptiveReplay, type AdaptiveReplayOptions, adaptiveReplay } from './adaptive-replay.ts';
export type { Budget, ClassCount } from './policy.ts';
export { type StrengthCheck, type StrengthSearch, searchStrength } from './strength.ts';
export {
  type GuardCheck,
  type GuardedProgress,
  type GuardedResult,
  type GuardHistory,
  type GuardOptions,
  trainGuarded,
} from './train-guarded.ts';
