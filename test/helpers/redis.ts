import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { keptFolder } from './temporary.ts';

const PATHS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'];

/** Path of Redis: the environment variable REDIS_SERVER, or where systems install it; undefined if there is none. */
const redisPath = process.env.REDIS_SERVER ?? PATHS.find((path) => existsSync(path));

/** Tests that start Redis are skipped without it, except in CI, where they fail. */
export const withoutRedis = redisPath === undefined && !process.env.CI;

/** A Redis server with an append-only file, on a free port of 127.0.0.1. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends the server with a signal and starts it again with its files. */
  restart(signal: NodeJS.Signals): Promise<void>;
  /** Ends the server. */
  stop(): Promise<void>;
}

/**
 * Starts a server that ends after the last test of the file.
 *
 * @param settings more arguments of redis-server
 */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = await keptFolder();
  const port = await freePort();
  const start = () => launch(['--port', String(port), '--dir', folder, ...settings]);
  let server = start();
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    await once(server, 'exit');
  };
  afterAll(() => end('SIGKILL'));
  await untilReady(port);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    restart: async (signal) => {
      await end(signal);
      server = start();
      await untilReady(port);
    },
    stop: () => end('SIGKILL'),
  };
}

/** A client of a server, closed after the last test of the file. */
export function redisClient({ port }: Pick<RedisServer, 'port'>): Redis {
  const client = new Redis({ port, maxRetriesPerRequest: null });
  client.on('error', () => {});
  afterAll(() => client.disconnect());
  return client;
}

function launch(args: readonly string[]): ChildProcess {
  const common = ['--bind', '127.0.0.1', '--appendonly', 'yes', '--save', ''];
  return spawn(redisPath!, [...common, ...args], { stdio: 'ignore' });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Waits until the server accepts connections. */
async function untilReady(port: number): Promise<void> {
  const client = new Redis({ port, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await once(client, 'ready');
  client.disconnect();
}
