// Takes the pictures of reports in the README and in docs/walk-through.md, light and dark, with headless Chromium. Runs the
// commands of the walk-through first: node scripts/pictures/main.mjs
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { main } from '../../dist/cli/main.js';
import { palettePng } from './palette-png.mjs';

const FINETUNE = 'finetune runs/base --digits 2,3,5,8,9';
const COMMANDS = [
  'pretrain --out runs/base',
  `${FINETUNE} --rank 2 --out runs/tuned --report forgetting.html`,
  `${FINETUNE} --rank 8 --alpha 8 --steps 1000 --batch-size 50 --replay 0.5 --max-drop 0.5 --validation 0.2 ` +
    '--check-every 25 --out runs/guarded --report report.html',
];
const PICTURES = [
  // The headline and the table of digits.
  { name: 'report', report: 'report.html', selector: 'header, section:first-of-type' },
  { name: 'forgetting-bars', report: 'forgetting.html', selector: 'section:nth-of-type(2)' },
  { name: 'forgetting-confusion', report: 'forgetting.html', selector: 'section:nth-of-type(3)' },
];
const MARGIN = 12;

const images = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-pictures-'));
process.chdir(folder);
for (const command of COMMANDS) {
  if ((await main([...command.split(' '), '--quiet'])) !== 0) throw new Error(`failed: ${command}`);
}
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  const page = await browser.newPage({ viewport: { width: 880, height: 1400 }, colorScheme });
  for (const { name, report, selector } of PICTURES) {
    await page.goto(pathToFileURL(report).href);
    const boxes = await page.locator(selector).evaluateAll((elements) =>
      elements.map((element) => {
        const { top, bottom, left, right } = element.getBoundingClientRect();
        return { top: top + scrollY, bottom: bottom + scrollY, left, right };
      }),
    );
    const x = Math.min(...boxes.map(({ left }) => left)) - MARGIN;
    const y = Math.min(...boxes.map(({ top }) => top)) - MARGIN;
    const width = Math.max(...boxes.map(({ right }) => right)) + MARGIN - x;
    const height = Math.max(...boxes.map(({ bottom }) => bottom)) + MARGIN - y;
    const picture = await page.screenshot({ fullPage: true, clip: { x, y, width, height } });
    writeFileSync(join(images, `${name}-${colorScheme}.png`), palettePng(picture));
  }
}
await browser.close();
rmSync(folder, { recursive: true });
