// Measures the page of `play` in headless Chromium: what it loads, when it first predicts, how long a lesson takes, and how
// long frames take meanwhile. With --screenshots DIR it also writes pictures of the page, wide and narrow, light and dark.
//
//     node scripts/studies/page.mjs [RUN] [--screenshots DIR]
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { screenshots: { type: 'string' } },
});
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const args = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'];
/**
 * Strokes of digits in parts of the pad, with the digit that they mean.
 *
 * @typedef {[x: number, y: number][]} Stroke
 * @type {readonly { label: number, strokes: Stroke[] }[]}
 */
const DIGITS = [
  {
    label: 7,
    strokes: [
      [
        [0.3, 0.25],
        [0.7, 0.25],
        [0.45, 0.8],
      ],
      [
        [0.38, 0.5],
        [0.66, 0.5],
      ],
    ],
  },
  {
    label: 4,
    strokes: [
      [
        [0.35, 0.2],
        [0.3, 0.55],
        [0.7, 0.55],
      ],
      [
        [0.62, 0.2],
        [0.62, 0.85],
      ],
    ],
  },
  {
    label: 2,
    strokes: [
      [
        [0.32, 0.3],
        [0.5, 0.2],
        [0.66, 0.35],
        [0.32, 0.8],
        [0.7, 0.8],
      ],
    ],
  },
];
const [SEVEN, FOUR] = DIGITS.map(({ strokes }) => strokes);

const server = spawn(process.execPath, ['bin/tfjs-lora.mjs', 'play', ...positionals, '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise((resolve, reject) => {
  server.stdout.on('data', (text) => resolve(/http:\S+/.exec(String(text))?.[0]));
  server.on('exit', () => reject(new Error('the server ended')));
});
const browser = await chromium.launch({ executablePath, args });
try {
  await measure();
  if (values.screenshots) await takeScreenshots(values.screenshots);
} finally {
  await browser.close();
  server.kill('SIGINT');
}

async function measure() {
  const page = await browser.newPage();
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  let bytes = 0;
  page.on('response', async (response) => {
    const { responseBodySize } = await response.request().sizes();
    bytes += responseBodySize;
  });
  const start = performance.now();
  await page.goto(`${url}?backend=wasm`);
  await page.waitForSelector('#pad');
  await draw(page, SEVEN ?? []);
  await page.waitForFunction(() => document.querySelector('#verdict-off .answer')?.textContent !== '–');
  console.log(`first prediction: ${Math.round(performance.now() - start)} ms after opening the page`);
  await page.waitForSelector('#accuracy');
  console.log(
    `loaded: ${(bytes / 1e6).toFixed(3)} MB, without the file of the worker, which Chromium does not report`,
  );
  await addSamples(page);
  const frames = page.evaluate(countFrames);
  await page.click('#teach');
  await draw(page, FOUR ?? []);
  await page.waitForSelector('#notice');
  console.log(`100 steps: ${await page.textContent('#notice span')}`);
  const times = (await frames).sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => times[Math.floor(share * (times.length - 1))]?.toFixed(1);
  console.log(`frames while learning: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`);
  await page.close();
  const measured = await browser.newPage();
  await measured.goto(url);
  await measured.waitForSelector('#backend[data-measured="yes"]', { timeout: 60_000 });
  console.log(await measured.textContent('#backend'));
  await measured.close();
}

/**
 * Runs in the page.
 *
 * @returns {Promise<number[]>} the time between frames in ms, until a lesson has ended
 */
function countFrames() {
  return new Promise((resolve) => {
    /** @type {number[]} */
    const times = [];
    let last = performance.now();
    const next = (/** @type {number} */ now) => {
      times.push(now - last);
      last = now;
      if (document.querySelector('#notice')) resolve(times.slice(1));
      else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
}

/** @param {import('playwright-core').Page} page @param {Stroke[]} strokes */
async function draw(page, strokes) {
  await page.locator('#pad').scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await page.locator('#pad').boundingBox()) ?? {
    x: 0,
    y: 0,
    width: 0,
    height: 0,
  };
  for (const points of strokes) {
    for (const [index, [a, b]] of points.entries()) {
      await page.mouse.move(x + a * width, y + b * height, { steps: index === 0 ? 1 : 4 });
      if (index === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}

/** @param {import('playwright-core').Page} page */
async function addSamples(page) {
  for (const { label, strokes } of DIGITS) {
    await draw(page, strokes);
    await page.locator(`[data-label="${label}"]:enabled`).click();
  }
}

/** @param {string} folder */
async function takeScreenshots(folder) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    for (const [name, width] of /** @type {const} */ ([
      ['wide', 1100],
      ['narrow', 360],
    ])) {
      const page = await browser.newPage({ viewport: { width, height: 1500 }, colorScheme });
      await page.goto(`${url}?backend=wasm`);
      await page.waitForSelector('#accuracy');
      await addSamples(page);
      await page.click('#teach');
      await page.locator('#notice').waitFor();
      await draw(page, SEVEN ?? []);
      await page.waitForFunction(() => document.querySelector('#verdict-on .answer')?.textContent !== '–');
      await page.click('#notice button');
      await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(folder, `play-${name}-${colorScheme}.png`) });
      await page.close();
    }
  }
}
