import { nativeState } from '../setup/index.ts';
import { setTensorFlowEnvironment } from './environment.ts';
import { loadPreloadAddon } from './preload-addon.ts';

/**
 * Starts to load TensorFlow's libraries for a CPU on another thread; `loadTensorFlow` waits for it. Saves about 0.07 s on two
 * cores if modules are imported meanwhile. Does nothing if native TensorFlow is not set up, or if a GPU may be used.
 *
 * Until `loadTensorFlow` returns, the process must not change its environment variables: TensorFlow reads them on the
 * other thread.
 *
 * @param device as in `loadTensorFlow`
 */
export async function startLoadingTensorFlow(device: string): Promise<void> {
  if (device !== 'cpu' && !(device === 'auto' && nativeState('cuda').problem)) return;
  const { nativePackage, problem } = nativeState('cpu');
  if (!nativePackage || problem) return;
  try {
    const addon = loadPreloadAddon(nativePackage);
    if (!addon?.startLoading) return;
    await setTensorFlowEnvironment(nativePackage, {});
    addon.startLoading();
    // A process that ends while libraries load would destroy objects that they are still creating.
    process.once('exit', () => addon.finishLoading?.());
  } catch {
    // `loadTensorFlow` fails in the same way, and reports the reason.
  }
}
