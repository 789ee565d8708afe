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

/** What a page contains, opened on a phone. */
interface Visit {
  readonly url: string;
  readonly links: readonly string[];
  readonly ids: readonly string[];
  readonly isWide: boolean;
}

async function visitAll(): Promise<Visit[]> {
  await page.setViewportSize({ width: 390, height: 800 });
  const visits: Visit[] = [];
  for (const url of pages()) {
    await page.goto(url);
    const content = await page.evaluate(() => ({
      links: [...document.querySelectorAll('a')].map((link) => link.href),
      ids: [...document.querySelectorAll('[id]')].map((element) => element.id),
      isWide: document.documentElement.scrollWidth > innerWidth,
    }));
    visits.push({ url, ...content });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  return visits;
}

test.skipIf(withoutChromium)(
  'links lead to pages and elements that exist, and pages fit a phone',
  async () => {
    const visits = await visitAll();
    const path = (url: string) => new URL(url).pathname.replace(/\/$/, '/index.html');
    const ids = new Map(visits.map((visit) => [path(visit.url), new Set(visit.ids)]));
    const links = visits.flatMap(({ url, links }) =>
      links.filter((link) => link.startsWith(origin)).map((link) => ({ url, link })),
    );
    const broken = links.filter(({ link }) => {
      const { pathname, hash } = new URL(link);
      if (fileOf(pathname) === undefined) return true;
      return hash !== '' && !ids.get(path(link))?.has(decodeURIComponent(hash.slice(1)));
    });
    expect(links.length).toBeGreaterThan(1000);
    expect([...new Set(broken.map(({ url, link }) => `${url} -> ${link}`))]).toEqual([]);
    const linked = new Set(links.map(({ link }) => path(link)));
    expect(visits.filter(({ url }) => !linked.has(path(url)))).toEqual([]);
    expect(visits.filter(({ isWide }) => isWide).map(({ url }) => url)).toEqual([]);
    expect(problems).toEqual([]);
  },
);

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

test.skipIf(withoutChromium)(
  'the live demo works inside of its page, and follows the dark mode',
  async () => {
    await open('browser.html');
    await page.frameLocator('.live-demo iframe').locator('#accuracy').waitFor();
    for (const isDark of [true, false]) {
      await page.evaluate((dark) => document.documentElement.classList.toggle('dark', dark), isDark);
      const frame = page.locator('.live-demo iframe');
      const scheme = await frame.evaluate((element) => getComputedStyle(element).colorScheme);
      expect(scheme).toBe(isDark ? 'dark' : 'light');
    }
    expect(problems).toEqual([]);
  },
);
