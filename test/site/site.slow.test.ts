/// <reference lib="dom" />
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { execa } from 'execa';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromiumPath, withoutChromium } from '../helpers/chromium.ts';

const BASE = '/some/path/';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

let server: Server;
let browser: Browser;
let page: Page;
let origin: string;
/** What must not happen: messages and errors of the console, failed requests, and requests to other servers. */
const problems: string[] = [];

beforeAll(async () => {
  if (withoutChromium) return;
  await execa('npm', ['run', 'docs', '--', '--base', BASE]);
  server = createServer((request, response) => {
    const file = fileOf(new URL(request.url!, 'http://localhost').pathname);
    if (file === undefined) return response.writeHead(404).end();
    return response
      .writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' })
      .end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-background-networking'],
  });
  page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  page.on('console', (message) => problems.push(`${page.url()} ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`${page.url()} ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${page.url()} ${response.status()} ${response.url()}`);
  });
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url()) && new URL(request.url()).origin !== origin)
      problems.push(`${page.url()} requests ${request.url()}`);
  });
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** The file that a static file server sends for a path; undefined if there is none. */
function fileOf(path: string): string | undefined {
  if (!path.startsWith(BASE)) return undefined;
  const file = join(
    'site',
    decodeURIComponent(path.slice(BASE.length)),
    path.endsWith('/') ? 'index.html' : '',
  );
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? file : undefined;
}

/** Opens a page, and waits until it reacts to keys and clicks. */
async function open(path: string): Promise<void> {
  await page.goto(`${origin}${BASE}${path}`);
  await page.waitForFunction(() => '__vue_app__' in document.querySelector('#app')!);
}

/** All pages of the site, except for the live demo and the page for missing pages. */
const pages = () =>
  readdirSync('site', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.html') && !path.startsWith('play') && path !== '404.html')
    .map((path) => `${origin}${BASE}${path.replaceAll('\\', '/')}`);

test.skipIf(withoutChromium)('every link of the site leads to a page and an element that exist', async () => {
  const links: [from: string, to: string][] = [];
  const ids = new Map<string, Set<string>>();
  for (const url of pages()) {
    await page.goto(url);
    const found = await page.evaluate(() => ({
      links: [...document.querySelectorAll('a')].map((link) => link.href),
      ids: [...document.querySelectorAll('[id]')].map((element) => element.id),
    }));
    ids.set(new URL(url).pathname, new Set(found.ids));
    links.push(...found.links.map((link): [string, string] => [url, link]));
  }
  const internal = links.filter(([, to]) => to.startsWith(origin));
  const broken = internal.filter(([, to]) => {
    const { pathname, hash } = new URL(to);
    if (fileOf(pathname) === undefined) return true;
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    return hash !== '' && !ids.get(path)?.has(decodeURIComponent(hash.slice(1)));
  });
  expect(internal.length).toBeGreaterThan(1000);
  expect([...new Set(broken.map(([from, to]) => `${from} -> ${to}`))]).toEqual([]);
  // Every page can be reached.
  const linked = new Set(internal.map(([, to]) => new URL(to).pathname.replace(/\/$/, '/index.html')));
  expect(pages().filter((url) => !linked.has(new URL(url).pathname))).toEqual([]);
  expect(problems).toEqual([]);
});

test.skipIf(withoutChromium)('pages are not wider than a phone', async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  const wide: string[] = [];
  for (const url of pages()) {
    await page.goto(url);
    if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) wide.push(url);
  }
  expect(wide).toEqual([]);
  await page.setViewportSize({ width: 1280, height: 900 });
});

test.skipIf(withoutChromium)('search finds pages, also of the API and the options', async () => {
  await open('');
  for (const [words, path] of [
    ['forgetting replay', 'forgetting.html'],
    ['mergeLora', 'reference/api/'],
    ['--max-other-drop', 'reports.html'],
  ]) {
    await page.keyboard.press('Control+k');
    await page.fill('#localsearch-input', words!);
    const result = page.locator(`#localsearch-list a[href*="${BASE}${path}"]`).first();
    await result.click();
    await page.waitForURL(`**${BASE}${path}*`);
    await page.locator('.VPLocalSearchBox').waitFor({ state: 'detached' });
  }
  expect(problems).toEqual([]);
});

test.skipIf(withoutChromium)('the dark mode is remembered, and changes the pictures', async () => {
  await open('walk-through.html');
  const shown = () => page.locator('img[src*="report-"]:visible').getAttribute('src');
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  expect(await shown()).toContain('report-light');
  const light = await background();
  await page.locator('.VPNavBar .VPSwitchAppearance:visible').click();
  await open('walk-through.html');
  expect(await shown()).toContain('report-dark');
  expect(await background()).not.toBe(light);
});

test.skipIf(withoutChromium)('the live demo works inside of its page', async () => {
  await open('browser.html');
  await page.frameLocator('.live-demo iframe').locator('#accuracy').waitFor();
  expect(problems).toEqual([]);
});
