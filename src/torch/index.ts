export { digitsNetFrom } from './digits-net.ts';
export { flattenedShape } from './flatten.ts';
export { fromTorch, layoutsOf, torchShape, toTorch, type WeightLayout } from './layout.ts';
export { assignStateDict, type StateDictOptions, toStateDict } from './state-dict.ts';
