import { type SetUpOptions, setUp } from '../../../setup/index.ts';
import type { CliContext } from '../../context.ts';
import { messageWithHint } from '../../hints.ts';
import { createDownloadProgress } from './download-progress.ts';

interface Options {
  readonly device: NonNullable<SetUpOptions['device']>;
  readonly quiet?: boolean;
}

/** Sets up a device, showing the steps and downloads. */
export async function runSetup({ device: requested, quiet }: Options, context: CliContext): Promise<void> {
  const progress = createDownloadProgress(context, { enabled: !quiet });
  try {
    const listener = { onStep: context.note, onDownload: progress.update };
    const { device, problem } = await setUp({ device: requested, listener });
    if (problem) {
      context.note(`note: everything runs on wasm, which is slower: ${messageWithHint(problem)}`);
    } else {
      context.note(`${device} is set up; 'tfjs-lora doctor --device ${device}' shows what works`);
    }
  } finally {
    progress.stop();
  }
}
