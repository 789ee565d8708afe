import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { beforeAll, describe, expect, test } from 'vitest';
import * as browserApi from '../../src/api/browser.ts';
import * as api from '../../src/api/index.ts';
import * as lora from '../../src/api/lora.ts';
import { chromiumPath, withoutChromium } from '../helpers/chromium.ts';
import { largestDifference } from '../helpers/parity.ts';
import { trainSmallAdapter } from '../helpers/small-adapter.mjs';
import { keptFolder } from '../helpers/temporary.ts';

/** Folder with a bundle of the program for a page: index.html and its scripts. */
let page: string;
beforeAll(async () => {
  const folder = await keptFolder();
  const library = join(folder, 'library');
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await build({ configFile: resolve('vite.browser.config.ts'), build: { outDir: library } });
  await writeFile(
    join(folder, 'main.js'),
    `import * as tf from '@tensorflow/tfjs';
     import * as api from 'tfjs-lora';
     import * as lora from 'tfjs-lora/lora';
     import { trainSmallAdapter } from ${JSON.stringify(resolve('test/helpers/small-adapter.mjs'))};
     window.run = () => trainSmallAdapter({ tf, api, lora });`,
  );
  await writeFile(join(folder, 'index.html'), '<script type="module" src="./main.js"></script>');
  page = join(folder, 'page');
  const packageFile = (name: string) => join(library, `${name}.js`);
  await build({
    configFile: false,
    root: folder,
    base: './',
    logLevel: 'error',
    resolve: {
      alias: [
        { find: /^tfjs-lora$/, replacement: packageFile('index') },
        { find: /^tfjs-lora\/lora$/, replacement: packageFile('lora') },
      ],
    },
    build: { outDir: page },
  });
});

test('the entry point for browsers has the names of the one for Node', () => {
  expect(Object.keys(browserApi).sort()).toEqual(Object.keys(api).sort());
});

test('nothing of Node is in the bundle', async () => {
  const library = join(page, '..', 'library');
  for (const name of await readdir(library)) {
    expect(await readFile(join(library, name), 'utf8')).not.toMatch(/["']node:|\brequire\(/);
  }
});

describe.skipIf(withoutChromium)('in Chromium', () => {
  test('an adapter is trained and merged with the numbers of Node', async () => {
    const server = createServer(async (request, response) => {
      const name = request.url === '/' ? '/index.html' : request.url!;
      response.setHeader('content-type', name.endsWith('.js') ? 'text/javascript' : 'text/html');
      response.end(await readFile(join(page, name)).catch(() => ''));
    }).listen(0);
    const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
    try {
      const tab = await browser.newPage();
      const errors: string[] = [];
      tab.on('pageerror', ({ message }) => errors.push(message));
      await tab.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
      await tab.waitForFunction('window.run');
      const found = (await tab.evaluate('window.run()')) as Awaited<ReturnType<typeof trainSmallAdapter>>;
      expect(errors).toEqual([]);

      await api.loadTensorFlow({ device: 'js' });
      const expected = await trainSmallAdapter({ tf, api, lora });
      expect(found.trainable).toEqual(expected.trainable);
      for (const key of ['adapted', 'merged'] as const) {
        for (const [index, value] of expected[key].entries())
          expect(found[key]![index]).toBeCloseTo(value, 4);
      }
      const { base, before, trained, merged } = found.graph;
      expect(before).toEqual(base);
      expect(Math.max(...base)).toBeGreaterThan(0);
      expect(largestDifference(trained, before)).toBeGreaterThan(0.01);
      expect(largestDifference(merged, trained)).toBeLessThan(1e-5);
      expect(largestDifference(trained, expected.graph.trained)).toBeLessThan(1e-4);
      expect(found.meanLoss).toBeCloseTo(expected.meanLoss, 5);
      expect(found).toMatchObject({
        engine: 'eager',
        notes: ['falling back to the eager engine: native TensorFlow is not available in a browser'],
        areLoraLayers: [true, true],
        failures: [
          'finetune: not available in browsers; call it in Node',
          expect.stringContaining('loadPeft'),
        ],
      });
    } finally {
      await browser.close();
      server.close();
    }
  });
});
