import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import type { PeftFiles } from '../../peft/index.ts';

const CONFIG_FILE = 'adapter_config.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';
/** Adapters of the models that a page runs have kilobytes. */
const MAX_BYTES = 2 ** 26;

/** Offers a zip with the files of an adapter for download. */
export function downloadAdapter({ config, weights }: PeftFiles, name: string): void {
  // A fixed time: equal adapters give equal files.
  const options = { mtime: new Date(1980, 0, 1) };
  const zip = zipSync({ [CONFIG_FILE]: [strToU8(config), options], [WEIGHTS_FILE]: [weights, options] });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([zip as BlobPart], { type: 'application/zip' }));
  link.download = `${name}.zip`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Finds an adapter among files: a zip that contains its two files, or the files themselves.
 *
 * @throws Error that names what is missing
 */
export async function readAdapter(files: readonly File[]): Promise<PeftFiles> {
  const large = files.find(({ size }) => size > MAX_BYTES);
  if (large) throw new Error(`${large.name} is too large for an adapter (${large.size} bytes)`);
  const zip = files.find(({ name }) => name.toLowerCase().endsWith('.zip'));
  const contents = zip ? unzipped(zip.name, await bytesOf(zip)) : await namedContents(files);
  const config = contents.get(CONFIG_FILE);
  const weights = contents.get(WEIGHTS_FILE);
  if (config && weights) return { config: strFromU8(config), weights };
  const missing = [config ? '' : CONFIG_FILE, weights ? '' : WEIGHTS_FILE].filter(Boolean).join(' and ');
  const place = zip ? zip.name : files.length === 1 ? files[0]!.name : 'these files';
  throw new Error(
    `${place} is not a whole adapter: ${missing} is missing. Choose a zip that this page saved, or both files of an adapter`,
  );
}

function unzipped(name: string, bytes: Uint8Array): Map<string, Uint8Array> {
  try {
    const isWanted = ({ name: path, originalSize }: { name: string; originalSize: number }) =>
      [CONFIG_FILE, WEIGHTS_FILE].includes(baseName(path)) && originalSize <= MAX_BYTES;
    const entries = Object.entries(unzipSync(bytes, { filter: isWanted }));
    // The files at the top first, if a zip has several adapters.
    entries.sort(([a], [b]) => b.split('/').length - a.split('/').length);
    return new Map(entries.map(([path, content]) => [baseName(path), content]));
  } catch {
    throw new Error(`${name} is damaged, or is not a zip file`);
  }
}

async function namedContents(files: readonly File[]): Promise<Map<string, Uint8Array>> {
  const wanted = files.filter(({ name }) => [CONFIG_FILE, WEIGHTS_FILE].includes(name));
  return new Map(
    await Promise.all(wanted.map(async (file) => [file.name, await bytesOf(file)] as [string, Uint8Array])),
  );
}

async function bytesOf(file: File): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer());
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
