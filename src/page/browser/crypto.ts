import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

interface Hash {
  update(content: Uint8Array | string): Hash;
  digest(encoding: 'hex'): string;
}

/** What browsers get in place of Node's `createHash`; their own SHA-256 is asynchronous. */
export function createHash(_name: 'sha256'): Hash {
  const hash = sha256.create();
  return {
    update(content) {
      hash.update(typeof content === 'string' ? utf8ToBytes(content) : content);
      return this;
    },
    digest: () => bytesToHex(hash.digest()),
  };
}
