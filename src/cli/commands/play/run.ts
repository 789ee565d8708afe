import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ImageAdjustment } from '../../../data/index.ts';
import { type Site, serve, siteOf, writeSite } from '../../../play/index.ts';
import { pageFiles, pretrain } from '../../../recipes/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions } from '../../environment.ts';
import type { Device } from '../../options/shared.ts';
import { Interrupted, untilSignal } from '../../signals.ts';

/** Options of `play`. */
export interface PlayCommandOptions {
  readonly port?: number;
  readonly open?: boolean;
  readonly out?: string;
  readonly data?: string;
  readonly adjust?: readonly ImageAdjustment[];
  readonly device: Device;
}

const DEFAULT_RUN = 'runs/pretrain';
/** A port that browsers do not block and that no well-known service uses. */
const FIRST_PORT = 4750;
const PORTS_TO_TRY = 20;

/** Serves the page until a signal, or writes it to a folder. */
export async function runPlay(
  given: string | undefined,
  options: PlayCommandOptions,
  context: CliContext,
): Promise<void> {
  const common = { ...recipeOptions(options, context), data: options.data };
  const run = given ?? (await defaultRun(common, context));
  const site = await siteOf(await pageFiles({ ...common, run }));
  if (options.out === undefined) return await serveUntilSignal(site, run, options, context);
  await writeSite(site, resolve(context.cwd, options.out));
  const bytes = [...site.values()].reduce((sum, content) => sum + content.length, 0);
  context.print(
    `wrote ${site.size} files (${(bytes / 1e6).toFixed(1)} MB) to ${options.out}; put them on any web server`,
  );
}

/** The folder of the default run, which is trained if it does not exist. */
async function defaultRun(
  common: Omit<Parameters<typeof pretrain>[0] & object, 'out'>,
  context: CliContext,
): Promise<string> {
  if (existsSync(resolve(context.cwd, DEFAULT_RUN))) return DEFAULT_RUN;
  context.note(`no run in ${DEFAULT_RUN}: training a base first, which takes some seconds`);
  const result = await pretrain({ ...common, epochs: 1, batchSize: 32, out: DEFAULT_RUN });
  result.dispose();
  if (result.failure) throw result.failure;
  context.note(`saved in ${DEFAULT_RUN}`);
  return DEFAULT_RUN;
}

async function serveUntilSignal(
  site: Site,
  run: string,
  { port, open }: PlayCommandOptions,
  context: CliContext,
): Promise<void> {
  const server = await serve(site, {
    port: port ?? FIRST_PORT,
    tries: port === undefined ? PORTS_TO_TRY : 0,
  });
  if (port === undefined && server.port !== FIRST_PORT) {
    context.note(`port ${FIRST_PORT} is in use: using ${server.port}`);
  }
  context.print(`${run} is at ${server.url}`);
  context.note('press Ctrl-C to stop');
  if (open) openInBrowser(server.url, context);
  try {
    await untilSignal(
      (signal) => new Promise<void>((done) => signal.addEventListener('abort', () => done())),
    );
  } catch (error) {
    // Ctrl-C is how the command is meant to end.
    if (!(error instanceof Interrupted && error.signal === 'SIGINT')) throw error;
  } finally {
    await server.close();
  }
}

function openInBrowser(url: string, { note }: CliContext): void {
  const [command, args]: [string, string[]] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['cmd', ['/c', 'start', '""', url]]
        : ['xdg-open', [url]];
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  child.on('error', () =>
    note(`no browser could be opened: '${command}' is missing; open the address yourself`),
  );
  child.unref();
}
