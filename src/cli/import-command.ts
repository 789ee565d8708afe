import type { CliContext } from './context.ts';
import type { Device } from './options/shared.ts';

/**
 * Imports the module of a command that needs TensorFlow. TensorFlow's libraries load on another thread meanwhile.
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
  }
  return await importModule();
}
