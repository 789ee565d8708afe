export { type Check, compareHashes } from './check.ts';
export { type VerifyOptions, verify } from './verify.ts';
