import { existsSync } from 'node:fs';

const PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
];

/** Path of Chromium: the environment variable CHROMIUM, or where distributions install it; undefined if there is none. */
export const chromiumPath = process.env.CHROMIUM ?? PATHS.find((path) => existsSync(path));

/** Tests that open pages are skipped without Chromium, except in CI, where they fail. */
export const withoutChromium = chromiumPath === undefined && !process.env.CI;
