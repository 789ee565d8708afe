import type { Redis } from 'ioredis';
import { AppError, QueueError } from '../errors.ts';
import { printable } from '../quote.ts';
import { type Address, keySettings, parseAddress, type QueueOptions } from './address.ts';
import { loadPackage } from './packages.ts';

/** Time limit for the first connection. */
const CONNECT_TIMEOUT_MS = 10_000;
const RETRY_INTERVAL_MS = 1000;
/** Time limit for writes after a stop, such as returning trials to the queue. */
const STOP_TIMEOUT_MS = 5000;

/** An open connection to a queue. */
export interface Connection {
  readonly redis: Redis;
  readonly address: Address;
  readonly prefix: string;
  /** Time to live of keys. */
  readonly expireSeconds: number;
  close(): Promise<void>;
}

/** Callbacks of a connection, and the signal that ends it. */
export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** Called with one line when the connection is lost, and when it is back. */
  readonly onNotice?: (message: string) => void;
}

/**
 * Connects to a queue. A connection that is lost later is made again, however long that takes; commands wait for it.
 *
 * @throws UsageError if an option is invalid
 * @throws QueueError if the server does not answer or refuses the user
 */
async function connect(
  queue: QueueOptions,
  { signal, onNotice = () => {} }: ConnectOptions = {},
): Promise<Connection> {
  const address = parseAddress(queue.url);
  const keys = keySettings(queue);
  let isOpen = false;
  let isLost = false;
  let lastError: Error | undefined;
  const redis = await createClient(address, () => (isOpen ? RETRY_INTERVAL_MS : null));
  redis.on('error', (error: Error) => {
    lastError = error;
  });
  redis.on('close', () => {
    if (!isOpen || isLost) return;
    isLost = true;
    onNotice(`${address.name}: the connection was lost; trying to connect again`);
  });
  redis.on('ready', () => {
    if (isLost) onNotice(`${address.name}: connected again`);
    isLost = false;
  });
  try {
    const information = await answerOf(redis, address);
    requireVersion(address, information);
    noticeEviction(address, information, onNotice);
  } catch (error) {
    redis.disconnect();
    if (error instanceof QueueError) throw error;
    throw connectError(address, lastError ?? (error as Error));
  }
  isOpen = true;
  const stop = () => {
    // Commands would wait for a server that is down.
    if (redis.status !== 'ready') redis.disconnect();
    else setTimeout(() => redis.disconnect(), STOP_TIMEOUT_MS).unref();
  };
  signal?.addEventListener('abort', stop, { once: true });
  return {
    redis,
    address,
    ...keys,
    close: async () => {
      isOpen = false;
      signal?.removeEventListener('abort', stop);
      redis.disconnect();
    },
  };
}

/**
 * Creates a client that is not connected yet.
 *
 * @param retryInterval returns the time until it connects again, in ms; null to give up
 */
async function createClient(address: Address, retryInterval: () => number | null): Promise<Redis> {
  const { Redis } = await loadPackage(() => import('ioredis'));
  return new Redis({
    host: address.host,
    port: address.port,
    username: address.username,
    password: address.password,
    db: address.database,
    ...(address.isEncrypted && { tls: {} }),
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: retryInterval,
  });
}

/**
 * Connects, and returns the server's INFO; empty if the user has no permission for it.
 *
 * @throws Error if it does not answer in time
 */
async function answerOf(redis: Redis, { database }: Address): Promise<string> {
  let timeout: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timeout = setTimeout(() => reject(new Error('no answer')), CONNECT_TIMEOUT_MS);
  });
  const answer = async () => {
    await redis.connect();
    // The client ignores an error of its own SELECT and would use database 0.
    await redis.select(database);
    return await redis.info().catch(() => '');
  };
  try {
    return await Promise.race([answer(), late]);
  } finally {
    clearTimeout(timeout);
  }
}

/** BullMQ needs commands of this version. */
const MIN_VERSION = [6, 2];

function requireVersion({ name }: Address, information: string): void {
  const version = /^redis_version:(\d+)\.(\d+)/m.exec(information);
  if (!version) return;
  const [major = 0, minor = 0] = [Number(version[1]), Number(version[2])];
  if (major > MIN_VERSION[0]! || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]!)) return;
  throw new QueueError(
    'queue-unavailable',
    `${name}: Redis ${major}.${minor} is too old; install ${MIN_VERSION.join('.')} or later`,
  );
}

/** A server that evicts keys when its memory is full loses trials. */
function noticeEviction({ name }: Address, information: string, onNotice: (message: string) => void): void {
  const [, policy] = /^maxmemory_policy:(\S+)/m.exec(information) ?? [];
  const hasLimit = /^maxmemory:[1-9]/m.test(information);
  if (hasLimit && policy !== 'noeviction') {
    onNotice(
      `${name}: deletes trials when its memory is full (${policy}); set maxmemory-policy to noeviction`,
    );
  }
}

function connectError({ name, database, isEncrypted }: Address, error: Error): QueueError {
  const { message, code } = error as NodeJS.ErrnoException;
  if (
    /^(WRONGPASS|NOAUTH|NOPERM)|invalid username-password|without any password|wrong number of arguments for 'auth'/.test(
      message,
    )
  ) {
    return new QueueError(
      'queue-refused',
      `${name}: Redis refused the user or password (${reasonOf(message)}); check them in the URL`,
    );
  }
  if (/DB index/.test(message)) {
    return new QueueError(
      'queue-unavailable',
      `${name}: the server has no database ${database}; choose another number`,
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new QueueError('queue-unavailable', `${name}: the host is unknown; check its name`);
  }
  const hint = isEncrypted ? 'check host, port and certificate' : 'start Redis there, or check host and port';
  return new QueueError(
    'queue-unavailable',
    `${name}: cannot connect (${code ?? reasonOf(message)}); ${hint}`,
  );
}

/** The first line of a message of Redis or of its client. */
function reasonOf(message: string): string {
  return printable(message.split('\n')[0]!.replace(/\.$/, ''));
}

/**
 * Runs work on a queue, and turns errors of Redis into a `QueueError`.
 *
 * @throws QueueError if Redis refuses a command, such as when its memory or disk is full
 */
export async function withConnection<T>(
  queue: QueueOptions,
  options: ConnectOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(queue, options);
  try {
    return await work(connection);
  } catch (error) {
    throw toQueueError(connection, error);
  } finally {
    await connection.close();
  }
}

function toQueueError({ address: { name } }: Connection, error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  if (error.name !== 'ReplyError' && !/Connection is closed/.test(error.message)) return error;
  const meaning = /^OOM /.test(error.message)
    ? 'its memory is full; raise maxmemory, or cancel sweeps that are not needed'
    : /^MISCONF /.test(error.message)
      ? 'it cannot write to its disk; free some space there'
      : reasonOf(error.message);
  return new QueueError('queue-failed', `${name}: Redis refused a command: ${meaning}`);
}
