import type { Entry, ZipFile } from 'yauzl';
import { CheckpointError } from '../errors.ts';
import { parseJson } from '../files/index.ts';
import { parseSafetensors } from '../safetensors/index.ts';
import { shorten } from '../text/index.ts';
import type { PeftContent } from './attach-peft.ts';
import { CONFIG_FILE, WEIGHTS_FILE } from './format.ts';

/** Larger adapters have to be unpacked to a folder. */
const MAX_BYTES = 2 ** 30;

/**
 * Reads the adapter in a zip file, as the page of `play` saves it: the two files of PEFT at the top, or in one folder.
 *
 * @throws CheckpointError if the file is damaged, or does not contain both
 */
export async function readPeftZip(path: string): Promise<PeftContent> {
  const files = await readEntries(path);
  const missing = [CONFIG_FILE, WEIGHTS_FILE].filter((name) => !files.has(name));
  if (missing.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: not a zip file of an adapter: it has no ${missing.join(' and no ')}`,
    );
  }
  const config = new TextDecoder().decode(files.get(CONFIG_FILE));
  return {
    config: parseJson(`${path}/${CONFIG_FILE}`, config),
    weights: parseSafetensors(`${path}/${WEIGHTS_FILE}`, files.get(WEIGHTS_FILE)!),
  };
}

/** The files of an adapter by name; of several with a name, the first. */
async function readEntries(path: string): Promise<Map<string, Uint8Array>> {
  const { openPromise } = await import('yauzl');
  const files = new Map<string, Uint8Array>();
  try {
    const archive = await openPromise(path);
    try {
      for await (const entry of archive.eachEntry()) {
        const name = entry.fileName.replace(/.*\//, '');
        if ((name !== CONFIG_FILE && name !== WEIGHTS_FILE) || files.has(name)) continue;
        files.set(name, await readEntry(path, archive, entry));
      }
    } finally {
      archive.close();
    }
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    const { message } = error as Error;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: cannot be read as a zip file (${shorten(message, 100)}); save it again`,
      { cause: error },
    );
  }
  return files;
}

async function readEntry(path: string, archive: ZipFile, entry: Entry): Promise<Uint8Array> {
  if (entry.uncompressedSize > MAX_BYTES) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: too large (${entry.uncompressedSize} bytes unpacked, limit ${MAX_BYTES}); unpack it to a folder`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of await archive.openReadStreamPromise(entry)) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}
