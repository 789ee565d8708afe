export { checkGates, type Judged, requireGates, validateGates } from './check.ts';
export type { GateResult, Gates } from './gates.ts';
export { readPolicy } from './policy.ts';
