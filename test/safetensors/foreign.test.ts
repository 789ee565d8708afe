import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { parseSafetensors, readSafetensors } from '../../src/safetensors/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** The start of a zip archive whose first entry has this name. */
const zip = (name: string) => `PK\x03\x04${'\0'.repeat(26)}${name}`;

test.each([
  [
    zip('archive/data.pkl'),
    'a PyTorch file, not a safetensors file; save its tensors with safetensors.torch.save_file',
  ],
  [
    zip('linear1.bias.npy'),
    'a NumPy archive (npz), not a safetensors file; save its arrays with safetensors.numpy',
  ],
  [
    zip('metadata.json'),
    'a Keras file, not a safetensors file; convert the model with tensorflowjs_converter',
  ],
  [zip('notes.txt'), 'a zip archive, not a safetensors file; extract it first'],
  [
    '\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.',
    'a Python pickle, as PyTorch writes it, not a safetensors file; save its',
  ],
  ['version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'a Git LFS pointer, not a'],
  ['\x93NUMPY\x01\x00', 'a NumPy array (npy), not a safetensors file'],
  ['\x89HDF\r\n\x1a\n\0\0', 'an HDF5 file, as Keras writes it, not a safetensors file'],
  ['\x89PNG\r\n\x1a\n', 'a PNG picture, not a safetensors file'],
  ['GGUF\x03\0\0\0\0\0', 'a GGUF file, not a safetensors file'],
  ['\x1f\x8b\x08\0\0\0\0\0\0', 'a gzip file, not a safetensors file'],
  ['<!DOCTYPE html><html></html>', 'a web page, not a safetensors file; download the file itself'],
  ['{"format": "pt"}', 'a JSON file, not a safetensors file'],
])('names a file that starts with %j', async (start, message) => {
  const bytes = Buffer.from(start, 'latin1');
  const path = join(await temporaryFolder(), 'w.safetensors');
  await writeFile(path, bytes);
  await expect(readSafetensors(path)).rejects.toThrow(CheckpointError);
  await expect(readSafetensors(path)).rejects.toThrow(`${path}: ${message}`);
  expect(() => parseSafetensors('x', bytes)).toThrow(`x: ${message}`);
});
