import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/**
 * Runs `work` while no other process of this user on this machine runs work under the same lock.
 *
 * The lock is a socket without a file (Linux: abstract namespace; Windows: named pipe), so the system releases it
 * however the process ends. macOS has no such sockets: there `work` runs without a lock.
 *
 * @param name what is locked, such as a folder
 * @param onWait called once if another process holds the lock
 */
export async function withLock<T>(name: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  const address = socketAddress(name);
  if (address === undefined) return await work();
  let release = await acquire(address);
  if (release === undefined) onWait?.();
  while (release === undefined) {
    await released(address);
    release = await acquire(address);
  }
  try {
    return await work();
  } finally {
    release();
  }
}

function socketAddress(name: string): string | undefined {
  const user = process.getuid?.() ?? '';
  const id = `tfjs-lora-${user}-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;
  if (process.platform === 'linux') return `\0${id}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${id}`;
  return undefined;
}

/** Takes the lock and returns the function that releases it, or undefined if another process holds it. */
async function acquire(address: string): Promise<(() => void) | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => waiting.add(socket.on('error', () => {})));
  try {
    server.listen(address);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  return () => {
    server.close();
    // The end of its connection wakes a waiting process.
    for (const socket of waiting) socket.destroy();
  };
}

/** Waits until the process that holds the lock releases it or ends. */
async function released(address: string): Promise<void> {
  // An error means that nobody listens any more.
  await once(connect(address), 'close').catch(() => {});
  // Spreads out the processes that wait, since only one of them can have the lock next.
  await setTimeout(20 + Math.random() * 50);
}
