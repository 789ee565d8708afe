// Hostile values for every option and argument of every command: on the command line, in a variable, and in a TOML file.
import { Command } from '@commander-js/extra-typings';
import { addCommands } from '../../../dist/cli/commands/index.js';
import { HOSTILE_TEXTS, pick } from './mutate-bytes.mjs';

/** @typedef {import('../../../dist/random.js').Random} Random */

/** Command lines that succeed, by the name of the command. `doctor` and `setup` start
 * other programs. */
const COMMANDS = {
  pretrain: 'pretrain --data data --device cpu --engine eager --steps 1 --out new',
  'inject-lora': 'inject-lora base --device cpu --out new',
  finetune: 'finetune base --data data --device cpu --engine eager --steps 2 --out new',
  sweep:
    'sweep base --data data --device cpu --digits 2,3 --seeds 0 --steps 2 --held-out 0.5 --jobs 1 --out new',
  eval: 'eval tuned --data data --device cpu',
  compare: 'compare before.json after.json',
  predict: 'predict digit.png --model base --device cpu',
  merge: 'merge tuned --device cpu --out new',
  inspect: 'inspect tuned --device cpu',
  verify: 'verify tuned --data data --device cpu',
  import: 'import weights.safetensors --into base --device cpu --out new',
  export: 'export base --device cpu --out new.safetensors',
  'data check': 'data check data',
  'data subset': 'data subset --data data --count 1 --out new',
  'data import': 'data import pictures --size 8 --out new',
};

const VALUES = [
  ...HOSTILE_TEXTS.filter((text) => text !== '\u0000'),
  '0',
  '1',
  '-0',
  '0.5',
  '1.5',
  '1e308',
  '-1e308',
  'Infinity',
  '-Infinity',
  '0x10',
  '1_000',
  '9007199254740991',
  '9007199254740993',
  '99999999999999999999',
  '1e-320',
  '2147483648',
  'true',
  'false',
  'null',
  'undefined',
  '--help',
  '-',
  '2-5',
  '1,2,,3',
  '5-1',
  '0-999999999',
  '\uff11',
  'a=b',
  'a=1=2',
  '3=0.5,3=2',
  '=1',
  'out=99999999',
  '/(a+)+$/',
  '/[/',
  '/\u001b/',
  '1x1',
  '99999999x99999999',
  '-1x5',
  '.',
  '..',
  'data',
  'digit.png',
  'base/run.json',
  'dev-zero',
  'dev-full',
  'dev-null',
  '/proc/new',
  '/proc/self/mem',
  'no/such/place',
  'new/../new',
  'file:///etc/passwd',
  'http://127.0.0.1:1/x',
  'new.json',
  'new.html',
  `${'d/'.repeat(3000)}x`,
  'n'.repeat(300),
];

/** Options that wait, or that end a command before it reads the others. */
const LEFT_OUT = new Set(['--help', '--config', '--print-config']);

/** @typedef {{ command: string, option: string, isFlag: boolean }} Target */

/** @returns {Target[]} every option and argument of every command */
function targets() {
  const program = new Command();
  const context = /** @type {any} */ ({ env: {}, cwd: '.' });
  addCommands(program, context);
  return Object.keys(COMMANDS).flatMap((name) => {
    /** @type {any} */
    let command = program;
    for (const word of name.split(' '))
      command = command.commands.find((/** @type {any} */ child) => child.name() === word);
    const options = command.options.filter((/** @type {any} */ option) => !LEFT_OUT.has(option.long));
    return [
      ...options.map((/** @type {any} */ option) => ({
        command: name,
        option: option.long,
        isFlag: !option.required && !option.optional,
      })),
      ...command.registeredArguments.map(() => ({ command: name, option: '', isFlag: false })),
    ];
  });
}

const TARGETS = targets();

/**
 * One hostile value.
 *
 * @param {number} index variants with consecutive numbers go through all options
 * @param {Random} random
 * @returns {{ job: import('./worker.mjs').Job, title: string }}
 */
export function optionVariant(index, random) {
  const { command, option, isFlag } = TARGETS[index % TARGETS.length] ?? {
    command: 'eval',
    option: '',
    isFlag: false,
  };
  const line = COMMANDS[/** @type {keyof typeof COMMANDS} */ (command)].split(' ');
  const value = pick(VALUES, random) ?? '';
  const title = `${command} ${option || '(argument)'} ${JSON.stringify(value.slice(0, 60))}`;
  const restore = ['base', 'tuned', 'data', 'dev-zero', 'dev-full', 'dev-null', 'before.json'];
  if (option === '') {
    const words = command.split(' ').length;
    return {
      title,
      job: { argv: [...line.slice(0, words), value, ...line.slice(words + 1)], files: {}, restore },
    };
  }
  const name = option.slice(2);
  const without = withoutOption(line, option);
  const channel = random.below(3);
  if (channel === 0) {
    const variable = `TFJS_LORA_${name.toUpperCase().replaceAll('-', '_')}`;
    return {
      title: `${title} as variable`,
      job: { argv: without, env: { [variable]: value }, files: {}, restore },
    };
  }
  if (channel === 1 && !command.startsWith('data ')) {
    const toml = Buffer.from(`"${name}" = ${tomlValue(value, random)}\n`);
    const argv = [...without, '--config', 'option.toml'];
    return { title: `${title} in TOML`, job: { argv, files: { 'option.toml': toml }, restore } };
  }
  const words = isFlag ? [option] : [`${option}=${value}`];
  return { title, job: { argv: [...without, ...words], files: {}, restore } };
}

/**
 * @param {readonly string[]} words
 * @param {string} option
 */
function withoutOption(words, option) {
  const at = words.indexOf(option);
  return at < 0 ? [...words] : [...words.slice(0, at), ...words.slice(at + 2)];
}

/**
 * @param {string} value
 * @param {Random} random
 */
function tomlValue(value, random) {
  const other = random.below(4);
  if (other === 0) return `[${JSON.stringify(value)}, 1]`;
  if (other === 1 && /^-?\d+(\.\d+)?$/.test(value)) return value;
  if (other === 2) return `{ a = ${JSON.stringify(value)} }`;
  return JSON.stringify(value);
}
