import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CheckpointError } from '../errors.ts';
import { withFileErrors } from '../files/index.ts';
import { contentSecurityPolicy } from './policy.ts';

/** All files of the page by path, with `/` between folders. */
export type Site = ReadonlyMap<string, Uint8Array>;

/** Where the build puts the bundled page: dist/page. */
const PAGE_FOLDER = fileURLToPath(new URL('../../dist/page/', import.meta.url));

/**
 * Adds the bundled page to the files of a run.
 *
 * @param content what `pageFiles` returns
 * @throws CheckpointError if the package was installed without its page
 */
export async function siteOf(content: Site): Promise<Site> {
  const files = new Map<string, Uint8Array>();
  await withFileErrors(CheckpointError, PAGE_FOLDER, 'read', async () => {
    const names = await readdir(PAGE_FOLDER, { recursive: true, withFileTypes: true });
    for (const entry of names.filter((candidate) => candidate.isFile())) {
      const path = join(entry.parentPath, entry.name);
      files.set(path.slice(PAGE_FOLDER.length).replaceAll('\\', '/'), await readFile(path));
    }
  });
  const index = Buffer.from(files.get('index.html')!).toString();
  // A web server of the user's may not send the policy.
  const meta = `<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy('document')}" />`;
  files.set('index.html', Buffer.from(index.replace('<head>', `<head>\n    ${meta}`)));
  return new Map([...files, ...content]);
}
