// Packs the built package as `npm publish` would.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Packs the working tree. `dist/` must be built.
 *
 * @param {string} folder for the tarball; it must exist
 * @returns path and size of the tarball, and the paths and sizes of the files in it
 */
export function pack(folder) {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const shell = process.platform === 'win32'; // npm is a .cmd file there
  const output = execFileSync('npm', args, { encoding: 'utf8', shell, stdio: ['ignore', 'pipe', 'inherit'] });
  /** @type {[{ filename: string, size: number, unpackedSize: number, files: { path: string, size: number }[] }]} */
  const [{ filename, size, unpackedSize, files }] = JSON.parse(output);
  return { tarball: join(folder, filename), size, unpackedSize, files };
}
