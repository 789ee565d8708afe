import { afterEach, expect, test, vi } from 'vitest';
import { runCommand } from '../helpers/command.ts';

const setup = (...args: string[]) => runCommand('.', ['setup', ...args]);

afterEach(() => {
  vi.unstubAllEnvs();
});

test('setup --device wasm has nothing to do', async () => {
  expect(await setup('--device', 'wasm')).toEqual({
    code: 0,
    out: '',
    err: "wasm is set up; 'tfjs-lora doctor --device wasm' shows what works",
  });
});

test('setup falls back to wasm, and with --device cpu ends with exit code 6', async () => {
  vi.stubEnv('TFJS_LORA_TENSORFLOW', '/no/such/file');
  const reason = 'TFJS_LORA_TENSORFLOW=/no/such/file: no such file; ';
  const automatic = await setup();
  expect(automatic.code).toBe(0);
  expect(automatic.err).toContain(`note: everything runs on wasm, which is slower: ${reason}`);
  const cpu = await setup('--device', 'cpu');
  expect(cpu.code).toBe(6);
  expect(cpu.err).toContain(`error: ${reason}`);
});

test('setup --device takes only the devices that can be set up', async () => {
  const { code, err } = await setup('--device', 'js');
  expect(code).toBe(2);
  expect(err).toContain('Allowed choices are auto, cpu, cuda, wasm');
});
