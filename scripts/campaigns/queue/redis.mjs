// A Redis server with an append-only file, for this campaign and for measurements.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * Starts a server on a free port of 127.0.0.1.
 *
 * @param {string} folder for its files
 */
export async function startRedis(folder) {
  const port = await freePort();
  const launch = () =>
    spawn(
      process.env.REDIS_SERVER ?? 'redis-server',
      [...`--port ${port} --bind 127.0.0.1 --appendonly yes --dir ${folder} --save`.split(' '), ''],
      { stdio: 'ignore' },
    );
  let server = launch();
  await untilListening(port);
  return {
    port,
    /** Kills the server and starts it again with its files. */
    restart: async () => {
      server.kill('SIGKILL');
      await once(server, 'exit');
      server = launch();
      await untilListening(port);
    },
    stop: () => server.kill('SIGKILL'),
  };
}

/** A free port below those that the system gives to connections, so that none of them is in the way. */
export async function freePort() {
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

/**
 * Waits until a server accepts connections.
 *
 * @param {number} port
 */
export async function untilListening(port) {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
