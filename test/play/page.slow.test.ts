/// <reference lib="dom" />
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMnist, loadSplit } from '../../src/mnist-data-loader/index.ts';
import { normalize } from '../../src/models/index.ts';
import { type Site, serve, siteOf, writeSite } from '../../src/play/index.ts';
import {
  evaluateRun,
  finetune,
  importAdapter,
  pageFiles,
  predict,
  pretrain,
} from '../../src/recipes/index.ts';
import { openRun } from '../../src/runs/index.ts';
import { chromiumPath, withoutChromium } from '../helpers/chromium.ts';

const ARGS = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const SIDE = 28;

let browser: Browser;
let folder: string;
let base: string;
let site: Site;
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  if (withoutChromium) return;
  folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-play-'));
  base = join(folder, 'base');
  const cpu = { tensorflow: { device: 'cpu' } } as const;
  (await pretrain({ ...cpu, epochs: 1, batchSize: 32, out: base })).dispose();
  site = await siteOf(await pageFiles({ run: base, ...cpu }));
  server = await serve(site, { port: 0, tries: 0 });
  browser = await chromium.launch({ executablePath: chromiumPath, args: ARGS });
});

afterAll(async () => {
  if (withoutChromium) return;
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A page, and everything about it that must not happen. */
interface Visit {
  readonly page: Page;
  readonly problems: string[];
}

/** Opens the page of a new visitor. `backend=wasm` leaves out the measurement of others. */
async function visit(
  options: Parameters<Browser['newContext']>[0] & { readonly url?: string; readonly prepare?: string } = {},
): Promise<Visit> {
  const { url = `${server.url}?backend=wasm`, prepare, ...screen } = options;
  const context = await browser.newContext({ viewport: { width: 1200, height: 1000 }, ...screen });
  if (prepare) await context.addInitScript(prepare);
  return await open(context, url);
}

async function open(context: BrowserContext, url = `${server.url}?backend=wasm`): Promise<Visit> {
  const page = await context.newPage();
  const problems: string[] = [];
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin)
      problems.push(`requests ${request.url()}`);
  });
  await page.goto(url);
  await page.waitForSelector('#accuracy');
  return { page, problems };
}

/** Draws a 7 with a mouse. */
async function drawSeven(page: Page, waits = true): Promise<void> {
  await page.locator('#pad').scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await page.locator('#pad').boundingBox())!;
  await page.mouse.move(x + 0.3 * width, y + 0.25 * height);
  await page.mouse.down();
  await page.mouse.move(x + 0.7 * width, y + 0.25 * height, { steps: 6 });
  await page.mouse.move(x + 0.45 * width, y + 0.8 * height, { steps: 6 });
  await page.mouse.up();
  if (!waits) return;
  await page.waitForFunction(() => document.querySelector('#verdict-off .answer')!.textContent !== '–');
  await settled(page);
}

/** Waits until the page shows the answers for the current drawing and network. */
async function settled(page: Page): Promise<void> {
  await page.waitForSelector('.bars[aria-busy="false"]');
}

function logitsOf(page: Page, kind: 'off' | 'on'): Promise<number[]> {
  return page.$$eval(`.bars td.${kind}`, (cells) =>
    cells.map((cell) => Number((cell as HTMLElement).dataset.logit)),
  );
}

/** The image that the page shows as the input of the network, light on dark [28, 28]. */
function seenPixels(page: Page): Promise<number[]> {
  return pixelsOf(page, '.seen canvas');
}

function pixelsOf(page: Page, selector: string): Promise<number[]> {
  return page.$eval(selector, (element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: data.length / 4 }, (_, index) => 255 - data[4 * index]!);
  });
}

async function savePad(page: Page, name: string): Promise<string> {
  const url = await page.$eval('#pad', (canvas) => (canvas as HTMLCanvasElement).toDataURL('image/png'));
  const path = join(folder, name);
  writeFileSync(path, Buffer.from(url.split(',')[1]!, 'base64'));
  return path;
}

/** Turns an image by 45 degrees: a style that the base misreads. */
function turned(image: Uint8Array): Uint8Array {
  const result = new Uint8Array(image.length);
  const centre = (SIDE - 1) / 2;
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const [x, y] = [column - centre, row - centre];
      const fromColumn = Math.round((x + y) * Math.SQRT1_2 + centre);
      const fromRow = Math.round((y - x) * Math.SQRT1_2 + centre);
      const isInside = fromColumn >= 0 && fromColumn < SIDE && fromRow >= 0 && fromRow < SIDE;
      if (isInside) result[row * SIDE + column] = image[fromRow * SIDE + fromColumn]!;
    }
  }
  return result;
}

/** Writes pixels as a picture of a drawing, dark on white. */
function writePicture(pixels: Uint8Array, path: string): string {
  const png = new PNG({ width: SIDE, height: SIDE });
  pixels.forEach((value, index) => {
    png.data.fill(255 - value, 4 * index, 4 * index + 3);
    png.data[4 * index + 3] = 255;
  });
  writeFileSync(path, PNG.sync.write(png));
  return path;
}

/** Pictures of turned 7s of the test images that the page does not have, because they are the last. */
async function turnedSevens(count: number): Promise<string[]> {
  const { dataset } = await loadSplit(await findMnist(undefined, process.cwd()), 'test');
  const rows = [...dataset.labels.keys()].filter((row) => dataset.labels[row] === 7).slice(-count);
  mkdirSync(join(folder, 'sevens'), { recursive: true });
  return rows.map((row) => {
    const image = dataset.images.subarray(row * SIDE * SIDE, (row + 1) * SIDE * SIDE);
    return writePicture(turned(image), join(folder, 'sevens', `${row}.png`));
  });
}

async function addSevens(page: Page, files: readonly string[]): Promise<void> {
  await page.selectOption('#picture-label', '7');
  await page.setInputFiles('#pictures', [...files]);
  await page.waitForFunction(
    (count) => document.querySelectorAll('.samples li').length === count,
    files.length,
  );
}

async function teach(page: Page): Promise<string> {
  await page.click('#teach');
  return await noticeOf(page, /./);
}

async function noticeOf(page: Page, pattern: RegExp): Promise<string> {
  const notice = page.locator('#notice span', { hasText: pattern });
  await notice.waitFor();
  return (await notice.textContent())!;
}

async function download(page: Page, name: string): Promise<string> {
  const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  const path = join(folder, name);
  await saved.saveAs(path);
  return path;
}

const shareOf = async (run: string, files: readonly string[], label: number) => {
  const { predictions } = await predict({ run, files });
  return predictions.filter((prediction) => prediction.label === label).length / files.length;
};

/** The logits of a run for one image 0..255. */
async function logitsOfRun(path: string, pixels: readonly number[]): Promise<number[]> {
  const { model, manifest } = await openRun(path);
  const image = tf.tensor([...pixels], [1, SIDE * SIDE]);
  return [...(model.apply(normalize(image, manifest.normalization)) as tf.Tensor).dataSync()];
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return Math.max(...a.map((value, index) => Math.abs(value - b[index]!)));
}

describe.skipIf(withoutChromium)('the page of play', () => {
  test('reads a drawing as predict does', async () => {
    const { page, problems } = await visit();
    await drawSeven(page);
    const { images, predictions } = await predict({ run: base, files: [await savePad(page, 'pad.png')] });
    const seen = await seenPixels(page);
    expect(seen).toEqual([...images[0]!.pixels]);
    const logits = await logitsOf(page, 'off');
    expect(largestDifference(logits, await logitsOfRun(base, seen))).toBeLessThan(1e-5);
    expect(await page.textContent('#verdict-off .answer')).toBe(String(predictions[0]!.label));
    expect(await logitsOf(page, 'on')).toEqual(logits);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('loads less than 1.2 MB before the first prediction', async () => {
    const context = await browser.newContext();
    const urls = new Set<string>();
    context.on('request', (request) => urls.add(request.url()));
    await open(context);
    let bytes = 0;
    for (const url of urls) {
      if (!url.startsWith(server.url)) continue;
      const response = await fetch(url, { headers: { 'Accept-Encoding': 'gzip' } });
      bytes += Number(response.headers.get('content-length'));
    }
    expect([...urls].filter((url) => url.includes('/assets/main-'))).toHaveLength(1);
    expect(bytes).toBeGreaterThan(800_000);
    expect(bytes).toBeLessThan(1_200_000);
    await context.close();
  });

  test('learns a style, and the command line gets the same adapter', async () => {
    const pictures = await turnedSevens(60);
    const [samples, heldOut] = [pictures.slice(0, 12), pictures.slice(12)];
    const { page, problems } = await visit({ acceptDownloads: true });
    await drawSeven(page);
    const off = await logitsOf(page, 'off');
    await addSevens(page, samples);
    expect(await teach(page)).toMatch(
      /^Learned in [\d.]+ seconds\. It now reads \d+ of your 12 samples right\.$/,
    );
    await settled(page);
    const on = await logitsOf(page, 'on');
    expect(on).not.toEqual(off);
    expect(await page.getAttribute('#adapter-facts', 'data-rank')).toBe('2');

    const run = join(folder, 'taught');
    const zip = await download(page, 'adapter.zip');
    (await importAdapter({ adapter: zip, run: base, out: run })).dispose();
    expect(largestDifference(on, await logitsOfRun(run, await seenPixels(page)))).toBeLessThan(1e-5);
    expect(await shareOf(base, heldOut, 7)).toBeLessThan(0.5);
    expect(await shareOf(run, heldOut, 7)).toBeGreaterThan(0.65);
    const { evaluation: after } = await evaluateRun({ run });
    const { evaluation: before } = await evaluateRun({ run: base });
    const accuracy = ({ labels, predictions }: typeof after) =>
      labels.filter((label, row) => predictions[row] === label).length / labels.length;
    expect(accuracy(before) - accuracy(after)).toBeLessThan(0.06);

    await page.fill('#strength', '0');
    await page.waitForFunction(
      () =>
        String(
          [...document.querySelectorAll<HTMLElement>('.bars td.on')].map(({ dataset }) => dataset.logit),
        ) ===
        String(
          [...document.querySelectorAll<HTMLElement>('.bars td.off')].map(({ dataset }) => dataset.logit),
        ),
    );
    expect(await logitsOf(page, 'on')).toEqual(off);

    // What was taught is there after a reload, and can be removed and brought back.
    await page.fill('#strength', '1');
    await page.locator('#strength').blur();
    await page.waitForFunction(() => document.querySelector('#strength-value')!.textContent === '100 %');
    await page.reload();
    await page.waitForSelector('#adapter-facts[data-rank="2"]');
    expect(await page.locator('.samples li').count()).toBe(12);
    await page.click('#reset');
    await page.waitForSelector('#adapter-facts:not([data-rank])');
    await page.click('#undo');
    await page.waitForSelector('#adapter-facts[data-rank="2"]');
    expect(Buffer.compare(readFileSync(await download(page, 'again.zip')), readFileSync(zip))).toBe(0);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('forgets without replay', async () => {
    const { page } = await visit();
    await addSevens(page, await turnedSevens(12));
    await page.uncheck('#replay');
    await teach(page);
    await page.waitForFunction(() => {
      const { on, off } = (document.querySelector('#accuracy') as HTMLElement).dataset;
      return Number(on) < 0.7 * Number(off);
    });
    await page.context().close();
  });

  test('takes the adapter that finetune saved, from its files', async () => {
    const run = join(folder, 'tuned');
    (await finetune({ run: base, steps: 20, targetLabels: [7], lora: { rank: 4 }, out: run })).dispose();
    const { page, problems } = await visit();
    await drawSeven(page);
    const files = ['adapter_config.json', 'adapter_model.safetensors'].map((name) =>
      join(run, 'adapter', name),
    );
    await page.setInputFiles('#load', files);
    await noticeOf(page, /^The adapter is loaded\.$/);
    await page.waitForSelector('#adapter-facts[data-rank="4"]');
    await settled(page);
    const expected = await logitsOfRun(run, await seenPixels(page));
    expect(largestDifference(await logitsOf(page, 'on'), expected)).toBeLessThan(1e-5);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('starts with the adapter of its run', async () => {
    const content = await pageFiles({ run: join(folder, 'tuned') });
    const tuned = await serve(await siteOf(content), { port: 0, tries: 0 });
    const { page, problems } = await visit({ url: `${tuned.url}?backend=wasm` });
    await page.waitForSelector('#adapter-facts[data-rank="4"]');
    expect(problems).toEqual([]);
    await page.context().close();
    await tuned.close();
  });

  test('refuses foreign and damaged adapters, and keeps its own', async () => {
    const other = join(folder, 'other');
    (await pretrain({ steps: 5, seed: 9, out: other })).dispose();
    (await finetune({ run: other, steps: 2, lora: { rank: 2 }, out: join(folder, 'foreign') })).dispose();
    const foreign = join(folder, 'foreign', 'adapter');
    const config = join(foreign, 'adapter_config.json');
    const weights = join(foreign, 'adapter_model.safetensors');
    const damaged = join(folder, 'adapter_model.safetensors');
    writeFileSync(damaged, readFileSync(weights).subarray(0, 500));
    const noZip = join(folder, 'broken.zip');
    writeFileSync(noZip, 'PK?');
    const { page, problems } = await visit();
    await page.setInputFiles('#load', [config, weights]);
    expect(await noticeOf(page, /another base network/)).toMatch(
      /trained on a base with content hash [0-9a-f]{64}/,
    );
    await page.setInputFiles('#load', [config, damaged]);
    await noticeOf(page, /adapter_model\.safetensors: truncated/);
    await page.setInputFiles('#load', [noZip]);
    await noticeOf(page, /broken\.zip is damaged, or is not a zip file/);
    await page.setInputFiles('#load', [config]);
    await noticeOf(page, /adapter_model\.safetensors is missing/);
    await page.waitForSelector('#adapter-facts:not([data-rank])');
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('makes a sample of the whole drawing, however soon its label is chosen', async () => {
    const { page } = await visit();
    await drawSeven(page);
    const whole = await seenPixels(page);
    await page.click('#clear');
    await drawSeven(page, false);
    await page.waitForSelector('[data-label="7"]:enabled');
    await page.click('[data-label="7"]');
    await page.waitForSelector('.samples li');
    expect(await pixelsOf(page, '.samples canvas')).toEqual(whole);
    await page.context().close();
  });

  test('takes adapters and pictures that are dropped', async () => {
    const { page, problems } = await visit();
    const adapter = join(folder, 'tuned', 'adapter');
    await drop(
      page,
      ['adapter_model.safetensors', 'adapter_config.json'].map((name) => join(adapter, name)),
    );
    await noticeOf(page, /^The adapter is loaded/);
    const [seven] = await turnedSevens(1);
    await drop(page, [seven!]);
    await page.waitForFunction(() => document.querySelector('#verdict-off .answer')!.textContent !== '–');
    const { images } = await predict({ run: base, files: [seven!] });
    expect(await seenPixels(page)).toEqual([...images[0]!.pixels]);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('can be used with the keyboard alone', async () => {
    const { page, problems } = await visit();
    for (let tab = 0; tab < 3 && (await page.evaluate(() => document.activeElement?.id)) !== 'pad'; tab++) {
      await page.keyboard.press('Tab');
    }
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('pad');
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp', 'Space']) await page.keyboard.press(key);
    for (let step = 0; step < 9; step++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await page.waitForFunction(() => document.querySelector('#verdict-off .answer')!.textContent === '1');
    await pressUntil(page, () => document.activeElement?.matches('[data-label="1"]') === true);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelectorAll('.samples li').length === 1);
    await pressUntil(page, () => document.activeElement?.id === 'teach');
    await page.keyboard.press('Enter');
    await noticeOf(page, /^Learned in/);
    await pressUntil(page, () => document.activeElement?.id === 'strength');
    await page.keyboard.press('Home');
    await page.waitForFunction(() => document.querySelector('#strength-value')!.textContent === '0 %');
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('cancels a lesson and stays as it was', async () => {
    const { page, problems } = await visit();
    await addSevens(page, await turnedSevens(8));
    await page.selectOption('#steps', '400');
    await page.click('#teach');
    await page.click('#cancel');
    await noticeOf(page, /^Cancelled/);
    await page.waitForSelector('#adapter-facts:not([data-rank])');
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('keeps what it had if the page is closed during a lesson', async () => {
    const { page } = await visit();
    await addSevens(page, await turnedSevens(8));
    await page.selectOption('#steps', '400');
    await page.click('#teach');
    await page.waitForSelector('.curve');
    await page.close();
    const { page: again, problems } = await open(page.context());
    expect(await again.locator('.samples li').count()).toBe(8);
    expect(await again.getAttribute('#adapter-facts', 'data-rank')).toBe(null);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('says so if another tab changes what is kept', async () => {
    const { page } = await visit();
    const { page: other } = await open(page.context());
    await drawSeven(other);
    await other.click('[data-label="7"]');
    await noticeOf(page, /open in another tab/);
    await page.context().close();
  });

  test.each([
    ['forbidden', 'IDBFactory.prototype.open = () => { throw new DOMException("off", "SecurityError"); };'],
    ['full', 'IDBObjectStore.prototype.put = function () { this.transaction.abort(); return this.get(0); };'],
  ])('works if storage is %s, and says so', async (_, prepare) => {
    const { page, problems } = await visit({ prepare });
    await drawSeven(page);
    await page.click('[data-label="7"]');
    await noticeOf(page, /Save the adapter as a file before you close the page/);
    expect(await page.locator('.samples li').count()).toBe(1);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('restores the adapter if a lesson diverges', async () => {
    const { page } = await visit();
    await addSevens(page, await turnedSevens(8));
    await page.setInputFiles('#load', hugeAdapter());
    await noticeOf(page, /^The adapter is loaded/);
    await page.click('#teach');
    await noticeOf(page, /grew without bounds\. The adapter is as it was before/);
    await page.waitForSelector('#teach:not(:disabled)');
    await page.context().close();
  });
});

/** An adapter whose logits overflow. The first matrix is negative, as is most of a normalized image, so that ReLU passes them. */
function hugeAdapter(): string[] {
  const source = join(folder, 'tuned', 'adapter');
  const weights = readFileSync(join(source, 'adapter_model.safetensors'));
  const header = Number(weights.readBigUInt64LE(0));
  const endOfFirst = 8 + header + 4 * 4 * SIDE * SIDE;
  for (let offset = 8 + header; offset < weights.length; offset += 4) {
    weights.writeFloatLE(offset < endOfFirst ? -1e9 : 1e9, offset);
  }
  const target = join(folder, 'huge');
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'adapter_model.safetensors'), weights);
  writeFileSync(join(target, 'adapter_config.json'), readFileSync(join(source, 'adapter_config.json')));
  return ['adapter_config.json', 'adapter_model.safetensors'].map((name) => join(target, name));
}

/** Drops files on the page. */
async function drop(page: Page, paths: readonly string[]): Promise<void> {
  const contents = paths.map((path) => ({
    name: path.split('/').at(-1)!,
    type: path.endsWith('.png') ? 'image/png' : '',
    base64: readFileSync(path).toString('base64'),
  }));
  await page.evaluate((files) => {
    const dataTransfer = new DataTransfer();
    for (const { name, type, base64 } of files) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], name, { type }));
    }
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, contents);
}

/** Presses Tab until something has the focus. */
async function pressUntil(page: Page, hasFocus: () => boolean): Promise<void> {
  for (let tab = 0; tab < 60; tab++) {
    if (await page.evaluate(hasFocus)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error('nothing got the focus');
}

describe.skipIf(withoutChromium)('the look of the page', () => {
  test.each([
    ['light', { colorScheme: 'light', width: 1200 }],
    ['dark', { colorScheme: 'dark', width: 1200 }],
    ['narrow', { colorScheme: 'light', width: 360 }],
    ['narrow and dark', { colorScheme: 'dark', width: 360 }],
  ] as const)('has no serious faults of accessibility and fits the screen: %s', async (_, screen) => {
    const { colorScheme, width } = screen;
    const { page, problems } = await visit({
      colorScheme,
      viewport: { width, height: 800 },
      hasTouch: true,
      reducedMotion: 'reduce',
    });
    await drawSeven(page);
    await page.click('[data-label="7"]');
    await drawSeven(page);
    await teach(page);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: typeof axe }).axe.run(),
    );
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    expect(problems).toEqual([]);
    await page.context().close();
  });
});

describe.skipIf(withoutChromium)('the static page', () => {
  let plain: HttpServer;

  beforeAll(async () => {
    await writeSite(site, join(folder, 'site'));
    plain = createServer((request, response) => {
      const path = new URL(request.url!, 'http://localhost').pathname.replace('/some/path/', '');
      try {
        const content = readFileSync(join(folder, 'site', path === '' ? 'index.html' : path));
        const types: Record<string, string> = {
          js: 'text/javascript',
          css: 'text/css',
          wasm: 'application/wasm',
        };
        const type = types[path.split('.').at(-1)!] ?? 'text/html';
        response.writeHead(200, { 'Content-Type': type }).end(content);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => plain?.close());

  test('works from a plain web server below a path, with its policy', async () => {
    const { port } = plain.address() as AddressInfo;
    const { page, problems } = await visit({ url: `http://127.0.0.1:${port}/some/path/?backend=wasm` });
    await drawSeven(page);
    expect(await page.textContent('#verdict-off .answer')).toBe('7');
    expect(await page.getAttribute('meta[http-equiv="Content-Security-Policy"]', 'content')).toContain(
      "default-src 'none'",
    );
    expect(problems).toEqual([]);
    await page.context().close();
  });

  test('replaces an older page, but no other folder', async () => {
    await writeSite(site, join(folder, 'site'));
    mkdirSync(join(folder, 'mine'));
    writeFileSync(join(folder, 'mine', 'letter.txt'), 'mine');
    await expect(writeSite(site, join(folder, 'mine'))).rejects.toThrow(/contains other files/);
  });
});

describe.skipIf(withoutChromium)('backends', () => {
  test('runs without WebGL and WebGPU', async () => {
    const bare = await chromium.launch({
      executablePath: chromiumPath,
      args: [...ARGS, '--disable-3d-apis'],
    });
    const { page, problems } = await open(await bare.newContext(), server.url);
    await page.waitForSelector('#backend[data-measured="yes"]');
    expect(await page.getAttribute('#backend', 'data-backend')).toBe('wasm');
    expect(problems.filter((problem) => !/WebGL|3D APIs/.test(problem))).toEqual([]);
    await bare.close();
  });

  test('reads the same with plain JavaScript', async () => {
    const { page } = await visit({ url: `${server.url}?backend=cpu` });
    expect(await page.getAttribute('#backend', 'data-backend')).toBe('cpu');
    await drawSeven(page);
    const expected = await logitsOfRun(base, await seenPixels(page));
    expect(largestDifference(await logitsOf(page, 'off'), expected)).toBeLessThan(1e-5);
    await page.context().close();
  });
});
