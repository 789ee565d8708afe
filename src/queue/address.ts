import { UsageError } from '../errors.ts';
import { printable } from '../quote.ts';

/** A queue of trials on a Redis server. */
export interface QueueOptions {
  /** `redis://[user:password@]host[:port][/database]`; with `rediss://` the connection is encrypted. */
  readonly url: string;
  /** First part of the names of all keys. Default `tfjs-lora`. */
  readonly prefix?: string;
  /** Hours after which keys expire that no sweep or worker uses any more. Default 168, a week. */
  readonly expireHours?: number;
}

/** A Redis server, for ioredis. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly isEncrypted: boolean;
  readonly username?: string;
  readonly password?: string;
  /** For messages: without user and password. */
  readonly name: string;
}

const EXAMPLE = 'name it as redis://host:6379';

/**
 * Reads the URL of a queue. Errors do not quote it, because it may contain a password.
 *
 * @throws UsageError if it is not the URL of a Redis server
 */
export function parseAddress(text: string): Address {
  const invalid = (problem: string) => new UsageError('invalid-argument', `queue: ${problem}; ${EXAMPLE}`);
  if (typeof text !== 'string' || !URL.canParse(text)) throw invalid('not a URL');
  const url = new URL(text);
  const { protocol, hostname, port, pathname, search, hash } = url;
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    throw invalid(`the URL starts with ${printable(protocol)}, not with redis: or rediss:`);
  }
  if (hostname === '') throw invalid('the URL has no host');
  if (search !== '' || hash !== '') throw invalid('the URL has a part after ? or #, which is not supported');
  const path = /^\/?(\d{0,4})$/.exec(pathname);
  if (!path) throw invalid('the path of the URL is not the number of a database');
  const database = Number(path[1]);
  const address = `${hostname}:${port || 6379}`;
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port || 6379),
    database,
    isEncrypted: protocol === 'rediss:',
    username: decode(url.username, invalid) || undefined,
    password: decode(url.password, invalid) || undefined,
    name: `${protocol}//${address}${database === 0 ? '' : `/${database}`}`,
  };
}

function decode(part: string, invalid: (problem: string) => UsageError): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('the user or password of the URL has a % that is not followed by two hexadecimal digits');
  }
}

const DEFAULT_PREFIX = 'tfjs-lora';
const DEFAULT_EXPIRE_HOURS = 168;
const MAX_EXPIRE_HOURS = 24 * 366;

/**
 * Fills in the defaults of a queue.
 *
 * @throws UsageError if the prefix or the expiry is invalid
 */
export function keySettings({
  prefix = DEFAULT_PREFIX,
  expireHours = DEFAULT_EXPIRE_HOURS,
}: Pick<QueueOptions, 'prefix' | 'expireHours'>): {
  readonly prefix: string;
  readonly expireSeconds: number;
} {
  if (!/^[\w.-]{1,100}$/.test(prefix)) {
    throw new UsageError(
      'invalid-argument',
      `queue prefix ${printable(prefix)}: must be 1 to 100 letters, digits, '.', '_' or '-'`,
    );
  }
  if (!(expireHours > 0 && expireHours <= MAX_EXPIRE_HOURS)) {
    throw new UsageError(
      'invalid-argument',
      `queue expiry of ${expireHours} hours: must be above 0 and at most ${MAX_EXPIRE_HOURS}`,
    );
  }
  return { prefix, expireSeconds: Math.max(60, Math.round(3600 * expireHours)) };
}
