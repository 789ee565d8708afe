import * as nodeModule from 'node:module';
import { join } from 'node:path';
import type { CliContext } from './context.ts';
import type { Device } from './options/shared.ts';

/** Undefined before Node 22. */
const { enableCompileCache } = nodeModule as { enableCompileCache?: (folder: string) => unknown };

/**
 * Imports the module of a command that needs TensorFlow. Meanwhile, TensorFlow's libraries load on another thread. Node keeps
 * compiled JavaScript in the cache folder.
 *
 * @param importModule returns `import('./run.ts')`
 */
export async function importWithTensorFlow<Module>(
  importModule: () => Promise<Module>,
  { device }: { readonly device: Device },
  { loadsEarly }: CliContext,
): Promise<Module> {
  if (loadsEarly) {
    const { startLoadingTensorFlow } = await import('../tensorflow-libraries/index.ts');
    await startLoadingTensorFlow(device);
    const { cacheFolder } = await import('../setup/index.ts');
    enableCompileCache?.(join(cacheFolder(), 'javascript'));
  }
  return await importModule();
}
