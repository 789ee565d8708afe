/** A file format that was recognized by its first bytes. */
export interface FileKind {
  /** For messages: `a JPEG picture`. */
  readonly name: string;
  /** What to do with such a file: `convert it to PNG`. */
  readonly advice: string;
}

/** Bytes from the start that `fileKind` looks at. */
export const FILE_KIND_BYTES = 1024;

const PICTURE = 'convert it to PNG';
const ARCHIVE = 'unpack it';
const TABLE = 'convert it';

/** First bytes (latin1) by format: name, advice. */
const SIGNATURES: readonly (readonly [start: string, name: string, advice: string])[] = [
  ['\x89PNG\r\n\x1a\n', 'a PNG picture', 'import pictures from folders named by label'],
  ['\xff\xd8\xff', 'a JPEG picture', PICTURE],
  ['GIF8', 'a GIF picture', PICTURE],
  ['II*\0', 'a TIFF picture', PICTURE],
  ['MM\0*', 'a TIFF picture', PICTURE],
  ['II+\0', 'a TIFF picture', PICTURE],
  ['MM\0+', 'a TIFF picture', PICTURE],
  ['\0\0\x01\0', 'an ICO picture', PICTURE],
  ['\0\0\x02\0', 'a CUR picture', PICTURE],
  ['\0\0\0\x0cJXL ', 'a JPEG XL picture', PICTURE],
  ['\xff\x0a', 'a JPEG XL picture', PICTURE],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 picture', PICTURE],
  ['8BPS', 'a Photoshop picture', PICTURE],
  ['%PDF', 'a PDF document', PICTURE],
  ['PK\x03\x04', 'a zip archive', ARCHIVE],
  ['PK\x05\x06', 'a zip archive', ARCHIVE],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive', ARCHIVE],
  ['Rar!\x1a\x07', 'a RAR archive', ARCHIVE],
  ['\x1f\x8b', 'a gzip file', ARCHIVE],
  ['\xfd7zXZ\0', 'an xz file', ARCHIVE],
  ['BZh', 'a bzip2 file', ARCHIVE],
  ['\x28\xb5\x2f\xfd', 'a zstd file', ARCHIVE],
  ['PAR1', 'a Parquet file', TABLE],
  ['ARROW1', 'an Arrow file', TABLE],
  ['\x89HDF\r\n\x1a\n', 'an HDF5 file', TABLE],
  ['\x93NUMPY', 'a NumPy array (.npy)', TABLE],
  ['SQLite format 3\0', 'an SQLite database', TABLE],
  ['MATLAB 5.0', 'a MATLAB file', TABLE],
  ['version https://git-lfs', 'a Git LFS pointer', "run 'git lfs pull'"],
];

/** Brands of the ISO base media format (ISO/IEC 14496-12), bytes 8 to 11. */
const BRANDS: readonly (readonly [pattern: RegExp, name: string, advice: string])[] = [
  [/^avi[fs]/, 'an AVIF picture', PICTURE],
  [/^(he[iv][cxms]|mif1|msf1)/, 'a HEIC picture', PICTURE],
  [/^crx /, 'a raw photo (CR3)', PICTURE],
  [/^/, 'a video', 'use a still picture'],
];

/**
 * Recognizes a foreign file format by its first bytes.
 *
 * @param bytes of the file, at least `FILE_KIND_BYTES` if it is that long
 * @returns undefined for IDX files and unknown formats
 */
export function fileKind(bytes: Uint8Array): FileKind | undefined {
  if (looksLikeIdx(bytes)) return undefined;
  const start = Buffer.from(bytes.subarray(0, FILE_KIND_BYTES)).toString('latin1');
  const found =
    SIGNATURES.find(([signature]) => start.startsWith(signature)) ?? mediaKind(start) ?? textKind(start);
  if (!found) return undefined;
  const [, name, advice] = found;
  return { name, advice };
}

/** Whether bytes start like an IDX file: two zeros and a known type. */
export function looksLikeIdx(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0 && [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e].includes(bytes[2]!);
}

function mediaKind(start: string): readonly [unknown, string, string] | undefined {
  if (start.startsWith('RIFF') && start.slice(8, 12) === 'WEBP') return ['', 'a WebP picture', PICTURE];
  // A bitmap has zeros after its size; two letters alone may be a text.
  if (start.startsWith('BM') && start.slice(6, 10) === '\0\0\0\0') return ['', 'a BMP picture', PICTURE];
  if (start.slice(4, 8) === 'ftyp') {
    // Some cameras name the general brand first and the codec among the compatible ones.
    const brand =
      /^mif1|^msf1/.test(start.slice(8)) && /avi[fs]/.test(start.slice(16, 64)) ? 'avif' : start.slice(8, 12);
    return BRANDS.find(([pattern]) => pattern.test(brand));
  }
  if (start.slice(257, 262) === 'ustar') return ['', 'a tar archive', ARCHIVE];
  if (start[0] === '\x80' && '\x02\x03\x04\x05'.includes(start[1] ?? ' '))
    return ['', 'a Python pickle', TABLE];
  return undefined;
}

function textKind(start: string): readonly [unknown, string, string] | undefined {
  const text = start.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (!text.startsWith('<')) return undefined;
  if (/<svg[\s>]/i.test(text)) return ['', 'an SVG picture', PICTURE];
  if (/^<(!doctype html|html)/i.test(text)) return ['', 'an HTML page', 'download the file itself'];
  return undefined;
}
