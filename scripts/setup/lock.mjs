import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

/**
 * Runs `work` while no other process on this machine runs work of the same name. The lock is a socket in
 * the system's own name space, so it cannot outlive its process, however that ends. macOS has none of
 * these; there, renaming finished files into place is all the protection.
 *
 * @template T
 * @param {string} name what is worked on, such as a folder
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once when another process is at it
 * @returns {Promise<T>}
 */
export async function withLock(name, work, onWait) {
  const address = socketAddress(name);
  if (!address) return await work();
  let told = false;
  for (;;) {
    const server = await listen(address);
    if (server) {
      try {
        return await work();
      } finally {
        server.close();
      }
    }
    if (!told) onWait?.();
    told = true;
    await closed(address);
  }
}

/** @param {string} name */
function socketAddress(name) {
  const user = process.getuid?.() ?? '';
  const id = `tfjs-lora-${user}-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`;
  if (process.platform === 'linux') return `\0${id}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${id}`;
  return undefined;
}

/**
 * @param {string} address
 * @returns {Promise<import('node:net').Server | undefined>} undefined where another process has it
 */
function listen(address) {
  return new Promise((resolve, reject) => {
    const waiting = new Set();
    const server = createServer((socket) => {
      waiting.add(socket.on('error', () => {}));
    });
    server.on('close', () => waiting.clear());
    const close = server.close.bind(server);
    server.close = (done) => {
      for (const socket of waiting) socket.destroy();
      return close(done);
    };
    server.once('error', (error) => {
      if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });
}

/**
 * Waits until the process that has the lock lets go of it.
 *
 * @param {string} address
 * @returns {Promise<void>}
 */
function closed(address) {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(resolve, 20 + Math.random() * 50));
  });
}
