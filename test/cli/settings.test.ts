import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { describe, expect, test } from 'vitest';
import { integer, labels, numbersByName } from '../../src/cli/options/parsers.ts';
import { addSettings, shared } from '../../src/cli/options/shared.ts';
import { applySettings } from '../../src/cli/settings/apply.ts';
import { UsageError } from '../../src/errors.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { recordedContext } from '../helpers/context.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

interface Sources {
  readonly env?: NodeJS.ProcessEnv;
  /** Content of the file of `--config`. */
  readonly toml?: string;
}

/** The options that a command `finetune` gets. */
async function optionsOf(argv: readonly string[], { env = {}, toml }: Sources = {}) {
  const context = recordedContext({ env });
  let result: Record<string, unknown> = {};
  const program = new Command('tfjs-lora').hook('preAction', (_, command) => applySettings(command, context));
  const command = program
    .command('finetune')
    .option('--rank <n>', 'rank', integer(1), 2)
    .addOption(new Option('--digits <list>', 'digits').argParser(labels))
    .addOption(new Option('--rank-pattern <list>').argParser(numbersByName((value) => value > 0, 'ranks')))
    .addOption(new Option('--epochs <n>', 'epochs').default('1').conflicts('steps'))
    .option('--steps <n>', 'steps')
    .addOption(shared.device())
    .addOption(shared.noProgress());
  addSettings(command)
    .exitOverride()
    .action((options) => {
      result = options;
    });
  program.command('eval').option('--format <name>', 'format');
  program.command('data').command('check').option('--repair', 'repair');
  const config = toml === undefined ? [] : ['--config', await tomlFile(toml)];
  await program.exitOverride().parseAsync(['finetune', ...argv, ...config], { from: 'user' });
  return result;
}

async function tomlFile(toml: string): Promise<string> {
  const path = join(await temporaryFolder(), 'lora.toml');
  await writeFile(path, toml);
  return path;
}

describe('options of a command', () => {
  test('have their default if nothing sets them', async () => {
    expect(await optionsOf([])).toMatchObject({ rank: 2, device: 'auto', progress: true });
  });

  test('come from the command line before the environment, the file and the default', async () => {
    const toml = 'rank = 5\ndevice = "wasm"\n';
    const env = { TFJS_LORA_RANK: '4' };
    expect(await optionsOf(sh`--rank 3`, { env, toml })).toMatchObject({ rank: 3 });
    expect(await optionsOf([], { env, toml })).toMatchObject({ rank: 4, device: 'wasm' });
    expect(await optionsOf([], { toml })).toMatchObject({ rank: 5 });
  });

  test("come from the command's table in a file before its top level", async () => {
    const toml = 'rank = 5\n[finetune]\nrank = 6\ndigits = [2, 3]\n';
    expect(await optionsOf([], { toml })).toMatchObject({ rank: 6, digits: [2, 3] });
  });

  test.each<[string, string[], Sources, object]>([
    [
      'the command line before the environment',
      sh`--epochs 3`,
      { env: { TFJS_LORA_STEPS: '9' } },
      { epochs: '3' },
    ],
    ['the command line before the file', sh`--steps 3`, { toml: 'epochs = 9' }, { steps: '3' }],
    [
      'the environment before the file',
      [],
      { env: { TFJS_LORA_EPOCHS: '3' }, toml: 'steps = 9' },
      { epochs: '3' },
    ],
    [
      "the command's table before the top level",
      [],
      { toml: 'steps = 9\n[finetune]\nepochs = 3' },
      { epochs: '3' },
    ],
  ])('that conflict come from %s', async (_, flags, sources, expected) => {
    const { epochs, steps } = await optionsOf(flags, sources);
    expect({ epochs, steps }).toEqual({ epochs: '1', ...expected });
  });

  test('accept a TOML table for a list of names with values', async () => {
    const toml = '[finetune.rank-pattern]\nlinear1 = 8\nlinear3 = 5';
    expect(await optionsOf([], { toml })).toMatchObject({ rankPattern: { linear1: 8, linear3: 5 } });
    await expect(optionsOf([], { toml: 'rank = { a = 1 }' })).rejects.toThrow('rank = a=1: ');
  });

  test('ignore what a file sets for other commands', async () => {
    const toml =
      'format = "html"\nrepair = true\nrank = 5\n[eval]\nformat = "text"\n[check]\nrepair = false\n';
    expect(await optionsOf([], { toml })).toMatchObject({ rank: 5 });
  });

  test('are true or false in files and variables, also those that begin with --no', async () => {
    const env = { TFJS_LORA_PROGRESS: 'false', TFJS_LORA_QUIET: '1' };
    expect(await optionsOf([], { env })).toMatchObject({ progress: false, quiet: true });
  });

  test.each<[string, Sources, RegExp]>([
    ['an invalid value', { env: { TFJS_LORA_RANK: '0' } }, /^TFJS_LORA_RANK: rank = 0: .*at least 1/],
    ['an unknown choice', { env: { TFJS_LORA_DEVICE: 'tpu' } }, /tpu.*auto, cpu, cuda, wasm/],
    [
      'an unknown key',
      { toml: 'rnak = 2' },
      /lora.toml: unknown option 'rnak'; did you mean 'rank'\? options of finetune: rank, digits,/,
    ],
    [
      'an unknown key in a table',
      { toml: '[finetune]\nrnak = 2' },
      /lora.toml: unknown option 'rnak' of finetune; did you mean 'rank'\? options of finetune: rank, digits,/,
    ],
    [
      'an unknown key that resembles no option',
      { toml: 'colour = 2' },
      /lora.toml: unknown option 'colour'; options of finetune: rank, digits,/,
    ],
    [
      'conflicting options from one source',
      { toml: 'steps = 5\nepochs = 2' },
      /lora.toml: steps cannot be used with epochs; omit one of them/,
    ],
    ['a value for a command', { toml: 'eval = 2' }, /lora.toml: eval: must be a table of options$/],
    ['an empty value', { toml: 'digits = ""' }, /lora.toml: digits: the value is empty; set one, or omit/],
    ['a file that is not TOML', { toml: 'rank = = 2' }, /lora.toml: line 1, column 8: /],
    ['neither true nor false', { env: { TFJS_LORA_QUIET: 'maybe' } }, /quiet = maybe: must be true or false/],
  ])('cannot be set by %s', async (_, sources, message) => {
    await expect(optionsOf([], sources)).rejects.toThrow(UsageError);
    await expect(optionsOf([], sources)).rejects.toThrow(message);
  });

  test.each(['--steps', '--config'])('cannot be empty: %s', async (flag) => {
    await expect(optionsOf([flag, ''])).rejects.toThrow(`${flag}: the value is empty; set one, or omit`);
  });

  test('cannot come from a file that does not exist', async () => {
    await expect(optionsOf(sh`--config /no/such/file.toml`)).rejects.toThrow(
      '/no/such/file.toml: cannot be read: no such file',
    );
  });
});

describe('--print-config', () => {
  const env = { TFJS_LORA_RANK: '4' };

  test('prints each option with its source as TOML, and runs nothing', async () => {
    const { code, out } = await runCommand('.', sh`finetune no-run --device cpu --print-config`, { env });
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual(
      expect.arrayContaining([
        'rank = 4  # TFJS_LORA_RANK',
        '# digits is not set',
        'device = "cpu"  # command line',
        'alpha = 1  # default',
      ]),
    );
  });

  test('prints one JSON document with --json', async () => {
    const { out } = await runCommand('.', sh`predict x.png --device cpu --print-config --json`, { env });
    expect(JSON.parse(out)).toEqual({
      command: 'predict',
      options: {
        model: { value: null, source: 'default' },
        rows: { value: null, source: 'default' },
        top: { value: 2, source: 'default' },
        prepared: { value: null, source: 'default' },
        adjust: { value: null, source: 'default' },
        device: { value: 'cpu', source: 'command line' },
        json: { value: true, source: 'command line' },
        quiet: { value: null, source: 'default' },
      },
    });
  });

  test('prints TOML that sets the same options again', async () => {
    const lists = sh`--digits 3,2 --targets /linear[12]/ --exclude a,b --rank-pattern x=2,y=3 --report r.md,r.html`;
    const first = await runCommand('.', ['finetune', 'no-run', ...lists, '--print-config']);
    const config = await tomlFile(first.out);
    const second = await runCommand('.', sh`finetune no-run --config ${config} --print-config`);
    const values = ({ out }: { out: string }) => out.replaceAll(/ {2}#.*/g, '');
    expect(values(second)).toBe(values(first));
    expect(values(first)).toContain('digits = [2,3]\n');
    expect(values(first)).toContain('targets = "/linear[12]/"\n');
    expect(values(first)).toContain('rank-pattern = "x=2,y=3"\n');
  });

  test.each([
    ['data = "pixels"', 'data', 'data = "pixels"'],
    ['data = "pixels"', 'pretrain', 'data = "pixels"'],
    ['[data]\njson = false', 'pretrain', '# data is not set'],
    ['[data]\ndata = "pixels"', 'data', 'data = "pixels"'],
    ['[compare]\nmax-digit-drop = 1', 'eval run', '# compare is not set'],
  ])('distinguishes commands from options of the same name: %j for %s', async (toml, command, line) => {
    const argv = [...command.split(' '), '--config', await tomlFile(toml), '--print-config'];
    const { code, out } = await runCommand('.', argv);
    expect(code).toBe(0);
    expect(out.split('\n').map((text) => text.split('  #')[0])).toContain(line);
  });
});
