export { digitsNetFrom } from './digits-net.ts';
export { flattenedShape } from './flatten.ts';
export { channelsFirst, channelsLast, layoutsOf, toTorch } from './layout.ts';
export { assignStateDict, type StateDictOptions, toStateDict } from './state-dict.ts';
