import { describe, expect, test } from 'vitest';
import { fileKind } from '../../src/files/index.ts';

const media = (brand: string, compatible = '') => `\0\0\0\x1cftyp${brand}\0\0\0\0${compatible}`;

describe('fileKind', () => {
  test.each([
    ['\xff\xd8\xff\xe0', 'a JPEG picture'],
    ['GIF87a', 'a GIF picture'],
    ['BM\x36\x10\0\0\0\0\0\0', 'a BMP picture'],
    ['RIFF\x24\0\0\0WEBPVP8 ', 'a WebP picture'],
    ['II*\0', 'a TIFF picture'],
    ['MM\0*', 'a TIFF picture'],
    ['\0\0\x01\0\x01\0', 'an ICO picture'],
    [media('heic'), 'a HEIC picture'],
    [media('mif1', 'mif1heic'), 'a HEIC picture'],
    [media('avif'), 'an AVIF picture'],
    [media('mif1', 'mif1avif'), 'an AVIF picture'],
    [media('isom'), 'a video'],
    ['<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="x">', 'an SVG picture'],
    ['\xef\xbb\xbf<svg>', 'an SVG picture'],
    ['<!DOCTYPE html><html>', 'an HTML page'],
    ['%PDF-1.7', 'a PDF document'],
    ['PK\x03\x04', 'a zip archive'],
    ['\x1f\x8b\x08', 'a gzip file'],
    [`${'a.txt'.padEnd(257, '\0')}ustar\0`, 'a tar archive'],
    ['PAR1', 'a Parquet file'],
    ['\x89HDF\r\n\x1a\n', 'an HDF5 file'],
    ['\x80\x04\x95', 'a Python pickle'],
    ['version https://git-lfs.github.com/spec/v1\n', 'a Git LFS pointer'],
  ])('recognizes %j as %s', (start, name) => {
    expect(fileKind(Buffer.from(start, 'latin1'))?.name).toBe(name);
  });

  test.each(['', 'hello', 'BMW', '{"a": 1}', '1,2,3', '<note>', '\0\0\x08\x03'])(
    'does not know %j',
    (start) => {
      expect(fileKind(Buffer.from(start, 'latin1'))).toBeUndefined();
    },
  );

  test('takes no IDX file for another format, whatever its pixels are', () => {
    const bytes = Buffer.alloc(300);
    bytes.set([0, 0, 8, 3]);
    bytes.write('ftyp', 4);
    bytes.write('ustar', 257);
    expect(fileKind(bytes)).toBeUndefined();
  });
});
