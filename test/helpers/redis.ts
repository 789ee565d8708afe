import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, untilListening } from '../../scripts/campaigns/queue/redis.mjs';

const PATHS = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'];

/** Path of Redis: the environment variable REDIS_SERVER, or where systems install it; undefined if there is none. */
const redisPath = process.env.REDIS_SERVER ?? PATHS.find((path) => existsSync(path));

/** Tests that start Redis are skipped without it, except in CI, where they fail. */
export const withoutRedis = redisPath === undefined && !process.env.CI;

/** A Redis server with an append-only file, on a free port of 127.0.0.1. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly client: Redis;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

/**
 * Starts a server. The caller stops it.
 *
 * @param settings more arguments of redis-server
 */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-lora-test-'));
  const port = await freePort();
  const server = launch(['--port', String(port), '--dir', folder, ...settings]);
  const client = new Redis({ port, lazyConnect: true, maxRetriesPerRequest: null });
  client.on('error', () => {});
  const stop = async () => {
    client.disconnect();
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    await rm(folder, { recursive: true, force: true });
  };
  await untilListening(port);
  return { port, url: `redis://127.0.0.1:${port}`, client, stop };
}

function launch(args: readonly string[]): ChildProcess {
  const common = ['--bind', '127.0.0.1', '--appendonly', 'yes', '--save', ''];
  return spawn(redisPath!, [...common, ...args], { stdio: 'ignore' });
}
