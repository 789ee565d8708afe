import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, CommanderError, Option } from '@commander-js/extra-typings';
import { describe, expect, test } from 'vitest';
import { integer } from '../../src/cli/options/parsers.ts';
import { addSettings, shared } from '../../src/cli/options/shared.ts';
import { applySettings } from '../../src/cli/settings/apply.ts';
import { UsageError } from '../../src/errors.ts';
import { runCommand } from '../helpers/command.ts';
import { recordedContext } from '../helpers/context.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

async function run(argv: string[], { env = {}, toml }: { env?: NodeJS.ProcessEnv; toml?: string } = {}) {
  const context = recordedContext({ env });
  const seen: { options?: Record<string, unknown>; quiet?: boolean } = {};
  const program = new Command('tfjs-lora').hook('preAction', (_, command) => {
    seen.quiet = applySettings(command, context).quiet;
  });
  const command = program
    .command('finetune')
    .option('--rank <n>', 'rank', integer(1), 2)
    .option('--digits <list>', 'digits')
    .addOption(new Option('--epochs <n>', 'epochs').default('1').conflicts('steps'))
    .option('--steps <n>', 'steps')
    .addOption(shared.device())
    .addOption(shared.noProgress());
  addSettings(command)
    .exitOverride()
    .action((options) => {
      seen.options = options;
    });
  program.command('eval').option('--format <name>', 'format');
  program.command('data').command('check').option('--repair', 'repair');
  if (toml !== undefined) {
    const path = join(await temporaryFolder(), 'lora.toml');
    await writeFile(path, toml);
    argv = [...argv, '--config', path];
  }
  await program.exitOverride().parseAsync(argv, { from: 'user' });
  return { ...seen, context };
}

describe('applySettings', () => {
  test('keeps the default where nothing else is given', async () => {
    expect((await run(['finetune'])).options).toMatchObject({ rank: 2, device: 'auto', progress: true });
  });

  test('takes a flag before the environment, the environment before the file, the file before the default', async () => {
    const toml = 'rank = 5\ndevice = "wasm"\n';
    const env = { TFJS_LORA_RANK: '4' };
    expect((await run(['finetune', '--rank', '3'], { env, toml })).options).toMatchObject({ rank: 3 });
    expect((await run(['finetune'], { env, toml })).options).toMatchObject({ rank: 4, device: 'wasm' });
    expect((await run(['finetune'], { toml })).options).toMatchObject({ rank: 5 });
  });

  test.each<[string, string[], { env?: NodeJS.ProcessEnv; toml?: string }, object]>([
    ['a flag before a variable', ['--epochs', '3'], { env: { TFJS_LORA_STEPS: '9' } }, { epochs: '3' }],
    ['a flag before the file', ['--steps', '3'], { toml: 'epochs = 9' }, { steps: '3' }],
    [
      'a variable before the file',
      [],
      { env: { TFJS_LORA_EPOCHS: '3' }, toml: 'steps = 9' },
      { epochs: '3' },
    ],
    ['a table before the top level', [], { toml: 'steps = 9\n[finetune]\nepochs = 3' }, { epochs: '3' }],
  ])('of options that exclude each other takes %s', async (_, flags, settings, taken) => {
    const { options } = await run(['finetune', ...flags], settings);
    const { epochs, steps } = options!;
    expect({ epochs, steps }).toEqual({ epochs: '1', ...taken });
  });

  test('reads a table as the list of names with values that a flag takes', async () => {
    const { options } = await run(['finetune'], { toml: '[finetune.digits]\n3 = 0.8\n5 = 0.9' });
    expect(options).toMatchObject({ digits: '3=0.8,5=0.9' });
    await expect(run(['finetune'], { toml: 'rank = { a = 1 }' })).rejects.toThrow('rank = a=1: ');
  });

  test("lets a command's table win over the top level of the file", async () => {
    const toml = 'rank = 5\n[finetune]\nrank = 6\ndigits = [2, 3]\n';
    expect((await run(['finetune'], { toml })).options).toMatchObject({ rank: 6, digits: '2,3' });
  });

  test('passes over what the file says for other commands', async () => {
    const toml =
      'format = "html"\nrepair = true\nrank = 5\n[eval]\nformat = "text"\n[check]\nrepair = false\n';
    expect((await run(['finetune'], { toml })).options).toMatchObject({ rank: 5 });
  });

  test.each([
    ['data = "pixels"', 'data', 'data = "pixels"'],
    ['data = "pixels"', 'pretrain', 'data = "pixels"'],
    ['[data]\njson = false', 'pretrain', '# data is not set'],
    ['[data]\ndata = "pixels"', 'data', 'data = "pixels"'],
    ['[compare]\nmax-digit-drop = 1', 'eval', '# compare is not set'],
  ])('tells a command from an option of that name: %j for %s', async (toml, command, line) => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'lora.toml'), toml);
    const argv = [command, ...(command === 'eval' ? ['run'] : []), '--config', 'lora.toml', '--print-config'];
    const { code, out } = await runCommand(cwd, argv);
    expect(code).toBe(0);
    expect(out.split('\n').map((text) => text.split('  #')[0])).toContain(line);
  });

  test('reads true and false for flags, also for the ones that say no', async () => {
    const { options, quiet } = await run(['finetune'], {
      env: { TFJS_LORA_PROGRESS: 'false', TFJS_LORA_QUIET: '1' },
    });
    expect(options).toMatchObject({ progress: false });
    expect(quiet).toBe(true);
  });

  test.each([
    [
      'a value no flag would take',
      { env: { TFJS_LORA_RANK: '0' } },
      /TFJS_LORA_RANK: rank = 0: .*at least 1/,
    ],
    ['a choice that does not exist', { env: { TFJS_LORA_DEVICE: 'tpu' } }, /tpu.*auto, cpu, cuda, wasm/],
    [
      'an unknown key',
      { toml: 'rnak = 2' },
      /lora.toml: no option or command is called 'rnak'; did you mean 'rank'\? finetune takes rank, digits,/,
    ],
    [
      'an unknown key in a table',
      { toml: '[finetune]\nrnak = 2' },
      /lora.toml: finetune has no option 'rnak'; did you mean 'rank'\? finetune takes rank, digits,/,
    ],
    [
      'a key that is like no other',
      { toml: 'colour = 2' },
      /lora.toml: no option or command is called 'colour'; finetune takes rank, digits,/,
    ],
    [
      'two that exclude each other from one place',
      { toml: 'steps = 5\nepochs = 2' },
      /lora.toml: steps cannot be used with epochs; leave one of them out/,
    ],
    ['a value for a command', { toml: 'eval = 2' }, /lora.toml: eval must be a table of options$/],
    ['an empty value', { toml: 'digits = ""' }, /lora.toml: digits: is empty; give a value, or leave it out/],
    [
      'a file that is not TOML',
      { toml: 'rank = = 2' },
      /lora.toml: line 1, column 8: invalid TOML: invalid value$/,
    ],
    [
      'a flag that is neither true nor false',
      { env: { TFJS_LORA_QUIET: 'maybe' } },
      /neither true nor false/,
    ],
  ])('refuses %s', async (_, settings, message) => {
    await expect(run(['finetune'], settings)).rejects.toThrow(UsageError);
    await expect(run(['finetune'], settings)).rejects.toThrow(message);
  });

  test.each(['--digits', '--config'])('refuses %s with an empty value', async (flag) => {
    await expect(run(['finetune', flag, ''])).rejects.toThrow(`${flag}: is empty; give a value`);
  });

  test('refuses a file that cannot be read', async () => {
    await expect(run(['finetune', '--config', '/no/such/file.toml'])).rejects.toThrow(
      '/no/such/file.toml: cannot be read: no such file',
    );
  });

  describe('with --print-config', () => {
    async function printed(...flags: string[]): Promise<string[]> {
      const context = recordedContext({ env: { TFJS_LORA_RANK: '4' } });
      const program = new Command()
        .exitOverride()
        .hook('preAction', (_, command) => void applySettings(command, context));
      let ran = false;
      program
        .command('finetune')
        .option('--rank <n>', 'rank', integer(1), 2)
        .option('--digits <list>', 'digits')
        .addOption(shared.device())
        .addOption(shared.json())
        .addOption(new Option('--print-config'))
        .action(() => {
          ran = true;
        });
      const stopped = program.parseAsync(['finetune', '--print-config', ...flags], { from: 'user' });
      await expect(stopped).rejects.toThrow(CommanderError);
      expect(ran).toBe(false);
      return context.out;
    }

    test('prints each value with its source and runs nothing', async () => {
      expect(await printed('--device', 'cpu')).toEqual([
        'rank = 4  # TFJS_LORA_RANK',
        '# digits is not set',
        'device = "cpu"  # flag',
        '# json is not set',
      ]);
    });

    test('prints one JSON document with --json', async () => {
      const lines = await printed('--json');
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0]!)).toEqual({
        command: 'finetune',
        options: {
          rank: { value: 4, source: 'TFJS_LORA_RANK' },
          digits: { value: null, source: 'default' },
          device: { value: 'auto', source: 'default' },
          json: { value: true, source: 'flag' },
        },
      });
    });
  });
});
