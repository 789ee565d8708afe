import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

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
  await untilReady(port);
  return { port, url: `redis://127.0.0.1:${port}`, client, stop };
}

function launch(args: readonly string[]): ChildProcess {
  const common = ['--bind', '127.0.0.1', '--appendonly', 'yes', '--save', ''];
  return spawn(redisPath!, [...common, ...args], { stdio: 'ignore' });
}

/** A free port below those that the system gives to connections, so that none of them is in the way. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const probe = createServer().listen(port, '127.0.0.1');
    const isFree = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    probe.close();
    if (isFree) return port;
  }
}

/** Waits until the server accepts connections. */
async function untilReady(port: number): Promise<void> {
  for (let isOpen = false; !isOpen; ) {
    const socket = connect(port, '127.0.0.1');
    isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (!isOpen) await sleep(20);
  }
}
