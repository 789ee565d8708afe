import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

const NOTE = 'note: data: not the published MNIST';
const BIN = join(process.cwd(), 'bin', 'tfjs-lora.mjs');

interface Started {
  readonly url: string;
  /** Sends SIGINT and waits. */
  end(): Promise<{ readonly code: number | null; readonly err: string }>;
}

/** Starts `play` in a process of its own and waits for the address that it prints. */
function start(...args: string[]): Promise<Started> {
  const child = spawn(process.execPath, [BIN, 'play', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const end = async () => {
    child.kill('SIGINT');
    return { code: await ended, err: err.trim() };
  };
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (text) => {
      const url = /http:\S+/.exec(String(text))?.[0];
      if (url) resolve({ url, end });
    });
    void ended.then(() => reject(new Error(err)));
  });
}

describe('play', () => {
  test('serves a run until Ctrl-C, which ends it without an error', async () => {
    const { url, end } = await start('base', '--port', '0', '--device', 'cpu');
    const page = await fetch(url);
    expect(await page.text()).toContain('<title>Teach it your hand');
    const data = (await (await fetch(new URL('data/page.json', url))).json()) as Record<string, unknown>;
    expect(data).toMatchObject({
      run: 'base',
      size: { height: 4, width: 4 },
      images: { test: 20, train: 40 },
    });
    expect(await end()).toEqual({ code: 0, err: `${NOTE}\npress Ctrl-C to stop` });
    await expect(fetch(url)).rejects.toThrow();
  });

  test('says which port it takes, and refuses one in use', async () => {
    const { url, end } = await start('base', '--port', '0', '--device', 'cpu');
    const { port } = new URL(url);
    const { code, err } = await runCommand(cwd, sh`play base --device cpu --port ${port}`);
    expect({ code, err }).toEqual({
      code: 2,
      err: `${NOTE}\nerror: port ${port}: already in use; choose another`,
    });
    await end();
  });

  test('writes static files, and replaces only those of an older page', async () => {
    const { code, out } = await runCommand(cwd, sh`play base --device cpu --out page`);
    expect(code).toBe(0);
    expect(out).toMatch(/^wrote \d+ files \([\d.]+ MB\) to page; put them on any web server$/);
    expect((await readdir(join(cwd, 'page'))).sort()).toEqual(['assets', 'data', 'index.html']);
    expect(await readFile(join(cwd, 'page', 'index.html'), 'utf8')).not.toMatch(/(src|href)="\//);
    expect((await runCommand(cwd, sh`play base --device cpu --out page`)).code).toBe(0);
    await mkdir(join(cwd, 'letters'));
    await writeFile(join(cwd, 'letters', 'dear.txt'), 'you');
    const refused = await runCommand(cwd, sh`play base --device cpu --out letters`);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('letters: contains other files');
  });

  test('trains a base if there is no run', async () => {
    const { code, err } = await runCommand(cwd, sh`play --device cpu --out first`);
    expect(code).toBe(0);
    expect(err).toContain('no run in runs/pretrain: training a base first');
    expect(await readdir(join(cwd, 'runs', 'pretrain'))).toContain('run.json');
  });

  test.each([
    ['missing', 4, 'missing: no such folder'],
    ['base --port 70000', 2, '--port'],
    ['base --out page --open', 2, 'cannot be used with'],
  ])('reports a wrong argument: play %s', async (args, code, message) => {
    const result = await runCommand(cwd, sh`play ${args.split(' ')}`);
    expect(result.code).toBe(code);
    expect(result.err).toContain(message);
  });
});
