import { describe, expect, test } from 'vitest';
import { fileKind, looksLikeIdx } from '../../src/files/index.ts';

const media = (brand: string, compatible = '') => `\0\0\0\x1cftyp${brand}\0\0\0\0${compatible}`;

describe('fileKind', () => {
  test.each([
    ['\xff\xd8\xff\xe0', 'a JPEG picture'],
    ['GIF87a', 'a GIF picture'],
    ['BM\x36\x10\0\0\0\0\0\0', 'a BMP picture'],
    ['RIFF\x24\0\0\0WEBPVP8 ', 'a WebP picture'],
    ['II*\0', 'a TIFF picture'],
    ['MM\0*', 'a TIFF picture'],
    ['II+\0\x08\0', 'a TIFF picture'],
    ['MM\0+\0\x08', 'a TIFF picture'],
    ['\0\0\x01\0\x01\0', 'an ICO picture'],
    ['\0\0\x02\0\x01\0', 'a CUR picture'],
    ['\x89PNG\r\n\x1a\n', 'a PNG picture'],
    ['\0\0\0\x0cJXL \r\n\x87\n', 'a JPEG XL picture'],
    ['\xff\x0a\xfa', 'a JPEG XL picture'],
    ['\0\0\0\x0cjP  \r\n\x87\n', 'a JPEG 2000 picture'],
    ['8BPS\0\x01', 'a Photoshop picture'],
    [media('heic'), 'a HEIC picture'],
    [media('mif1', 'mif1heic'), 'a HEIC picture'],
    [media('avif'), 'an AVIF picture'],
    [media('mif1', 'mif1avif'), 'an AVIF picture'],
    [media('heix'), 'a HEIC picture'],
    [media('hevc'), 'a HEIC picture'],
    [media('msf1', 'msf1hevc'), 'a HEIC picture'],
    [media('avis'), 'an AVIF picture'],
    [media('msf1', 'msf1avis'), 'an AVIF picture'],
    [media('crx '), 'a raw photo (CR3)'],
    [media('isom'), 'a video'],
    [media('isom', 'avif'), 'a video'],
    [media('isom', 'mif1avif'), 'a video'],
    ['<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="x">', 'an SVG picture'],
    ['\xef\xbb\xbf<svg>', 'an SVG picture'],
    ['<!DOCTYPE html><html>', 'an HTML page'],
    ['%PDF-1.7', 'a PDF document'],
    ['PK\x03\x04', 'a zip archive'],
    ['\x1f\x8b\x08', 'a gzip file'],
    [`${'a.txt'.padEnd(257, '\0')}ustar\0`, 'a tar archive'],
    ['PK\x05\x06', 'a zip archive'],
    ['7z\xbc\xaf\x27\x1c', 'a 7z archive'],
    ['Rar!\x1a\x07\x01\0', 'a RAR archive'],
    ['\xfd7zXZ\0', 'an xz file'],
    ['BZh9', 'a bzip2 file'],
    ['\x28\xb5\x2f\xfd', 'a zstd file'],
    ['ARROW1\0\0', 'an Arrow file'],
    ['\x93NUMPY\x01\0', 'a NumPy array (.npy)'],
    ['SQLite format 3\0', 'an SQLite database'],
    ['MATLAB 5.0 MAT-file', 'a MATLAB file'],
    ['PAR1', 'a Parquet file'],
    ['\x89HDF\r\n\x1a\n', 'an HDF5 file'],
    ['\x80\x02}', 'a Python pickle'],
    ['\x80\x05\x95', 'a Python pickle'],
    ['\x80\x04\x95', 'a Python pickle'],
    ['\n <html lang="en">', 'an HTML page'],
    ['version https://git-lfs.github.com/spec/v1\n', 'a Git LFS pointer'],
  ])('recognizes %j as %s', (start, name) => {
    expect(fileKind(Buffer.from(start, 'latin1'))?.name).toBe(name);
  });

  test('says what to do with it', () => {
    expect(fileKind(Buffer.from('\xff\xd8\xff', 'latin1'))!.advice).toBe('convert it to PNG');
    expect(fileKind(Buffer.from(media('isom'), 'latin1'))!.advice).toBe('use a still picture');
    expect(fileKind(Buffer.from('\x1f\x8b', 'latin1'))!.advice).toBe('unpack it');
  });

  test.each([
    'x\x80\x04',
    '\x80\x01',
    '\x80\x06',
    '\x80',
    'RIFF\x24\0\0\0WAVEfmt ',
    'WEBP',
    'ftypavif',
    '<svgs>',
    'see <html>',
    '<note><html>',
    'a\x04',
    'xBZh',
  ])('is not misled by %j', (start) => {
    expect(fileKind(Buffer.from(start, 'latin1'))).toBeUndefined();
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

test('looksLikeIdx accepts the types of the format, after two zeros', () => {
  const types = Array.from({ length: 256 }, (_, type) => type);
  expect(types.filter((type) => looksLikeIdx(Uint8Array.of(0, 0, type)))).toEqual([8, 9, 11, 12, 13, 14]);
  for (const bytes of [[1, 0, 8], [0, 1, 8], [0, 0], []])
    expect(looksLikeIdx(Uint8Array.from(bytes))).toBe(false);
});
