export { checkGates, type GateInput, requireGates, validateGates } from './check.ts';
export type { GateResult, Gates } from './gates.ts';
export { readPolicy } from './policy.ts';
