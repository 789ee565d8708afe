import { existsSync } from 'node:fs';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
];

/** Where Chromium is: `CHROMIUM`, or where distributions put it. */
export function chromiumPath(): string {
  const path = process.env.CHROMIUM ?? PLACES.find((place) => existsSync(place));
  if (!path)
    throw new Error(
      'no Chromium found: install it (Debian: apt-get install chromium), or name it in CHROMIUM',
    );
  return path;
}
