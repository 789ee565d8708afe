import { expect, test } from 'vitest';
import { doctorDocument } from '../../src/cli/commands/doctor/document.ts';
import { main } from '../../src/cli/main.ts';
import { recordedContext } from '../helpers/context.ts';

test('doctor --json says what runs and what was tried, in the shape of its schema', async () => {
  const context = recordedContext();
  expect(await main(['doctor', '--device', 'cpu', '--json'], context)).toBe(0);
  expect(context.out).toHaveLength(1);
  const document = doctorDocument.parse(JSON.parse(context.out[0]!));
  expect(document.running).toMatchObject({ device: 'cpu', tensorflow: '2.21.0' });
  expect(document.running.libraries).toMatch(/tensorflow$/);
  const working = (trials: readonly { name: string; works: boolean }[]) =>
    trials.filter(({ works }) => works).map(({ name }) => name);
  expect(working(document.devices)).toEqual(expect.arrayContaining(['cpu', 'wasm', 'js']));
  expect(working(document.engines)).toEqual(['eager', 'graph', 'xla']);
  expect(document.packages['@tensorflow/tfjs']).toBe('4.22.0');
  expect(document.advice).toEqual([]);
});

test('doctor as text names the device, the engines and the folders that may be deleted', async () => {
  const context = recordedContext();
  expect(await main(['doctor'], context)).toBe(0);
  const text = context.out.join('\n');
  expect(text).toMatch(/^running on +cpu, TensorFlow 2\.21\.0$/m);
  expect(text).toMatch(/^ {2}xla +works /m);
  expect(text).toMatch(/tensorflow +\d+ MB +TensorFlow's shared libraries/);
  expect(text).toMatch(/To do\n {2}nothing$/);
});

test('doctor says where images are missing, and what to do', async () => {
  const context = recordedContext();
  expect(await main(['doctor', '--device', 'cpu', '--data', 'nowhere', '--json'], context)).toBe(0);
  const document = doctorDocument.parse(JSON.parse(context.out[0]!));
  expect(document.data).toBeNull();
  expect(document.advice).toEqual([expect.stringContaining('nowhere')]);
});

test('a device that does not work gives exit code 6 after all that was found', async () => {
  const context = recordedContext();
  expect(await main(['doctor', '--device', 'cuda', '--json'], context)).toBe(6);
  const document = doctorDocument.parse(JSON.parse(context.out[0]!));
  expect(document.devices.find(({ name }) => name === 'cuda')?.works).toBe(false);
  expect(document.advice).toContainEqual(expect.stringMatching(/^cuda: |^the driver does not start /));
  expect(context.err.at(-1)).toMatch(/^error: --device cuda does not work: /);
});
