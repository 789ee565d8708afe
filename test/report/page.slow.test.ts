/// <reference lib="dom" />
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Report, renderReport } from '../../src/report/index.ts';
import { chromiumPath, withoutChromium } from '../helpers/chromium.ts';
import { comparisonReport, singleReport, withLongClassNames } from './make-report.ts';

let browser: Browser;
let folder: string;

beforeAll(async () => {
  if (withoutChromium) return;
  folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-page-'));
  browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
    ],
  });
});

afterAll(async () => {
  if (withoutChromium) return;
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Images of 7 by 7 pixels for the examples of a report. */
const imagesOf = ({ evaluation }: Report) => ({
  images: Uint8Array.from({ length: evaluation.count * 49 }, (_, index) => (index * 37) % 256),
  labels: evaluation.labels,
  count: evaluation.count,
  height: 7,
  width: 7,
  classes: evaluation.classNames.length,
});

const reports: [string, Report][] = [
  ['a single evaluation', singleReport(10_000)],
  ['a comparison', comparisonReport(10_000)],
  ['long class names', withLongClassNames(comparisonReport(10_000))],
];
const screens = [
  ['light', { colorScheme: 'light', width: 1200 }],
  ['dark', { colorScheme: 'dark', width: 1200 }],
  ['medium', { colorScheme: 'light', width: 760 }],
  ['narrow', { colorScheme: 'light', width: 360 }],
  ['print', { colorScheme: 'dark', width: 720, media: 'print' }],
] as const;

describe.skipIf(withoutChromium).each(reports)('the HTML page of %s', (_, report) => {
  test.each(screens)('opens without errors, overlapping or cut-off text: %s', async (name, screen) => {
    const { colorScheme, width } = screen;
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const problems: string[] = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) problems.push(`requests ${request.url()}`);
    });
    const file = join(folder, `${name}.html`);
    writeFileSync(file, await renderReport(report, 'html', { images: imagesOf(report) }));
    if ('media' in screen) await page.emulateMedia({ media: screen.media });
    await page.goto(pathToFileURL(file).href);
    expect(problems).toEqual([]);
    expect(await layoutProblems(page)).toEqual([]);
    expect(await contrastProblems(page)).toEqual([]);
    await page.close();
  });
});

/** Texts and images that overlap, exceed their chart, or make the page wider than the screen. */
function layoutProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const problems: string[] = [];
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth) {
      problems.push(`page is ${document.documentElement.scrollWidth} wide`);
    }
    const boxes: { text: string; box: DOMRect; element: Element }[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      const text = node.textContent!.trim();
      if (text === '') continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) {
        if (box.width > 0) boxes.push({ text, box, element: node.parentElement! });
      }
    }
    for (const image of document.images) {
      if (!image.complete || image.naturalWidth === 0) problems.push(`image '${image.alt}' is not displayed`);
      boxes.push({ text: `image ${image.alt}`, box: image.getBoundingClientRect(), element: image });
    }
    // Line boxes include a pixel and a half of space around the letters.
    const slack = 1.5;
    boxes.forEach(({ text, box, element }, index) => {
      const svg = element.closest('svg')?.getBoundingClientRect();
      if (
        svg &&
        (box.left < svg.left - 1 ||
          box.right > svg.right + 1 ||
          box.top < svg.top - 1 ||
          box.bottom > svg.bottom + 1)
      ) {
        problems.push(`'${text}' exceeds its chart`);
      }
      for (const next of boxes.slice(index + 1)) {
        const overlapX = Math.min(box.right, next.box.right) - Math.max(box.left, next.box.left);
        const overlapY = Math.min(box.bottom, next.box.bottom) - Math.max(box.top, next.box.top);
        const isSameText = element === next.element && text === next.text;
        if (overlapX > slack && overlapY > slack * 2 && !isSameText) {
          problems.push(`'${text}' overlaps '${next.text}'`);
        }
      }
    });
    return problems;
  });
}

/** HTML texts whose contrast with the page is below 4.5 (WCAG 2.2, success criterion 1.4.3). */
function contrastProblems(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const luminance = (color: string) => {
      const [red, green, blue] = color.match(/[\d.]+/g)!.map((part) => {
        const value = Number(part) / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
    };
    const background = (element: Element | null): string => {
      if (!element) return 'rgb(255, 255, 255)';
      const color = getComputedStyle(element).backgroundColor;
      return color === 'rgba(0, 0, 0, 0)' ? background(element.parentElement) : color;
    };
    const problems = new Set<string>();
    for (const element of document.querySelectorAll('main :not(svg, svg *)')) {
      if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== ''))
        continue;
      const [text, page] = [luminance(getComputedStyle(element).color), luminance(background(element))];
      const contrast = (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
      if (contrast < 4.5) problems.add(`${element.tagName} '${element.textContent}': ${contrast.toFixed(2)}`);
    }
    return [...problems];
  });
}
