export { digitsNetFrom } from './digits-net.ts';
export { flattenedShape } from './flatten.ts';
export { fromTorch, layoutsOf, torchShape, toTorch } from './layout.ts';
export { recurrentDifference } from './recurrent.ts';
export { assignStateDict, type StateDictOptions, toStateDict } from './state-dict.ts';
export type { WeightLayout } from './weight-layout.ts';
