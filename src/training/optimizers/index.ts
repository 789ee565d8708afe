export { checkOptimizer, OPTIMIZER_NAMES } from './check.ts';
export { clipByGlobalNorm } from './clip.ts';
export { learningRateAt } from './schedule.ts';
export { type UpdateRule, updateRule } from './update-rule.ts';
