export { contentHash, weightsHash } from './content-hash.ts';
export { createDigitsNet, type DigitsNetOptions, type Head } from './digits-net.ts';
export { requireLogits } from './logits.ts';
export { mnistNormalization, type Normalization, normalize } from './normalization.ts';
export { type LayerSummary, type ModelSummary, modelSummary } from './summary.ts';
