export { type Check, compareHashes } from './check.ts';
export { type DeadUnits, deadUnits, deadUnitWarnings } from './dead-units.ts';
export { adapterWarnings, inspectAdapters, type LayerInspection } from './inspect-adapters.ts';
export { verify } from './verify.ts';
export type { VerifyOptions } from './verify-options.ts';
