import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addonFiles, findNativePackage } from '../../src/setup/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('an addon counts as compiled by set-up only with its marker, its helper and their sizes', async () => {
  const root = await temporaryFolder();
  const folder = join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
  const addonFolder = join(folder, 'lib', 'napi-v8');
  await mkdir(addonFolder, { recursive: true });
  await writeFile(join(root, 'package.json'), '{}');
  await writeFile(join(folder, 'package.json'), '{ "version": "4.22.0" }');
  const found = () => findNativePackage('cuda', root)?.marker;
  const put = (name: keyof typeof addonFiles, content: string) =>
    writeFile(join(addonFolder, addonFiles[name]), content);

  await put('addon', 'addon');
  await put('preload', 'helper');
  expect(found()).toBeUndefined(); // copied without the marker

  const sizes = { [addonFiles.addon]: 5, [addonFiles.preload]: 6 };
  const marker = { tensorflow: '2.21.0', libraries: '/lib', key: 'k', sizes };
  await put('marker', JSON.stringify(marker));
  expect(found()).toEqual(marker);

  await put('addon', 'of another program');
  expect(found()).toBeUndefined();

  await put('addon', 'addon');
  await rm(join(addonFolder, addonFiles.preload));
  expect(found()).toBeUndefined();

  await put('preload', 'helper');
  await put('marker', '{}');
  expect(found()).toBeUndefined();
});
