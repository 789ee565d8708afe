export { type Check, compareHashes } from './check.ts';
export {
  adapterWarnings,
  type DeadUnits,
  deadUnits,
  inspectAdapters,
  type LayerInspection,
} from './inspect.ts';
export { type VerifyOptions, verify } from './verify.ts';
