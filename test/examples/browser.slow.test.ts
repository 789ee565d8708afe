import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useBuild } from '../helpers/build.ts';
import { chromiumPath, withoutChromium } from '../helpers/chromium.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-example-'));
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

useBuild();

/** The example as a project of its own, with the packages that `npm install` would put there. */
beforeAll(async () => {
  cpSync('examples/browser', folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules', '@tensorflow'), { recursive: true });
  symlinkSync(resolve('.'), join(folder, 'node_modules', 'tfjs-lora'));
  const tfjs = join('node_modules', '@tensorflow', 'tfjs');
  symlinkSync(resolve(tfjs), join(folder, tfjs));
  await execa('node', [resolve('node_modules/vite/bin/vite.js'), 'build'], { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(withoutChromium)('the example for browsers is built by Vite, and learns', async () => {
  const server = createServer((request, response) => {
    const path = request.url === '/' ? '/index.html' : request.url!;
    response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'text/plain' });
    response.end(readFileSync(join(folder, 'dist', path)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.waitForSelector('#save:not([hidden])', { timeout: 300_000 });
  const text = (await page.textContent('#output'))!;
  expect(text).toContain('trained 1028 numbers instead of 16897');
  const [, off, half, on] = /without the adapter: (\S+), with half of it: (\S+), with it: (\S+)$/m.exec(
    text,
  )!;
  expect(Number(off!)).toBeCloseTo(1, 0.5);
  expect(Number(on!)).toBeCloseTo(1.5, 0.5);
  expect(Number(on!)).toBeGreaterThan(Number(off!));
  expect(Number(half!)).not.toBe(Number(on!));
  expect(errors).toEqual([]);
  await browser.close();
  server.close();
});
