import { CheckpointError } from '../errors.ts';
import { FILE_KIND_BYTES, fileKind } from '../files/index.ts';

/** Bytes that are enough to recognise a file. */
export const MAGIC_BYTES = FILE_KIND_BYTES;

const SAVE = 'save its tensors with safetensors.torch.save_file';

/** How a format is recognised, its name, and what to do. */
interface Format {
  /** The first bytes, one character each. */
  readonly magic: string;
  /** What the bytes after them contain. */
  readonly content?: RegExp;
  readonly name: string;
  readonly advice: string;
}

const ZIP = 'PK\x03\x04';
const CONVERT = 'convert the model with tensorflowjs_converter';

/** File formats that are easily mistaken for safetensors. The first match counts. */
const FORMATS: readonly Format[] = [
  {
    magic: ZIP,
    content: /\.npy/,
    name: 'a NumPy archive (npz)',
    advice: 'save its arrays with safetensors.numpy.save_file',
  },
  {
    magic: ZIP,
    content: /data\.pkl|\.format_version|byteorder|\/version/,
    name: 'a PyTorch file',
    advice: SAVE,
  },
  { magic: ZIP, content: /metadata\.json|config\.json|\.weights\.h5/, name: 'a Keras file', advice: CONVERT },
  { magic: ZIP, name: 'a zip archive', advice: 'extract it first' },
  ...[2, 3, 4, 5].map((protocol) => ({
    magic: `\x80${String.fromCharCode(protocol)}`,
    name: 'a Python pickle, as PyTorch writes it',
    advice: SAVE,
  })),
  {
    magic: 'version https://git-lfs',
    name: 'a Git LFS pointer',
    advice: "fetch the file with 'git lfs pull'",
  },
  { magic: '\x93NUMPY', name: 'a NumPy array (npy)', advice: 'save it with safetensors.numpy.save_file' },
  { magic: '\x89HDF\r\n', name: 'an HDF5 file, as Keras writes it', advice: CONVERT },
  { magic: 'GGUF', name: 'a GGUF file', advice: 'use the safetensors file that it was made of' },
  { magic: '\x1f\x8b', name: 'a gzip file', advice: 'extract it first' },
  { magic: '<', content: /^<(?:!doctype|html)/i, name: 'a web page', advice: 'download the file itself' },
  { magic: '{', name: 'a JSON file', advice: 'name the safetensors file' },
];

/**
 * Recognises files of other formats, whose first bytes would be taken for the length of a header.
 *
 * @param source names the file in errors
 * @param start the first `MAGIC_BYTES` bytes, or the whole file if it is shorter
 * @throws CheckpointError with the format's name and what to do
 */
export function checkForeign(source: string, start: Uint8Array): void {
  // Every header starts with a brace.
  if (start[8] === '{'.charCodeAt(0)) return;
  const text = String.fromCharCode(...start);
  const format =
    FORMATS.find(
      ({ magic, content }) => text.startsWith(magic) && (content === undefined || content.test(text)),
    ) ?? fileKind(start);
  if (!format) return;
  const { name, advice } = format;
  throw new CheckpointError('invalid-checkpoint', `${source}: ${name}, not a safetensors file; ${advice}`);
}
