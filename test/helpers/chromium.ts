import { existsSync } from 'node:fs';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
];

/** Where Chromium is: `CHROMIUM`, or where distributions put it; undefined where there is none. */
export const chromiumPath = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place));

/** CI has to open pages; elsewhere the tests that do are skipped where there is no Chromium. */
export const withoutChromium = chromiumPath === undefined && !process.env.CI;
