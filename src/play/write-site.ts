import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFileAtomic, writeFolderAtomic } from '../files/index.ts';
import type { Site } from './site.ts';

/**
 * Writes the page as static files. They work from any web server and below any path, also offline.
 *
 * @param folder is created; it must be empty, or contain an older page
 * @throws UsageError if the folder contains other files
 * @throws CheckpointError if the files cannot be written
 */
export async function writeSite(site: Site, folder: string): Promise<void> {
  await withFileErrors(CheckpointError, folder, 'written', async () => {
    if (existsSync(folder) && (await readdir(folder)).length > 0) {
      if (!existsSync(join(folder, 'data', 'page.json'))) {
        throw new UsageError('folder-not-empty', `${folder}: contains other files; choose another folder`);
      }
    }
    await writeFolderAtomic(folder, async (staging) => {
      for (const [path, content] of site) {
        await ensureDir(dirname(join(staging, path)));
        await writeFileAtomic(join(staging, path), content);
      }
    });
  });
}
