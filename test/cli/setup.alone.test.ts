import { afterEach, expect, test, vi } from 'vitest';
import { runCommand, sh } from '../helpers/command.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('setup --device wasm has nothing to do', async () => {
  expect(await runCommand('.', sh`setup --device wasm`)).toEqual({
    code: 0,
    out: '',
    err: "wasm is set up; 'tfjs-lora doctor --device wasm' shows what works",
  });
});

test('setup falls back to wasm, but exits with 6 if --device cpu fails', async () => {
  vi.stubEnv('TFJS_LORA_TENSORFLOW', '/no/such/file');
  const reason = 'TFJS_LORA_TENSORFLOW=/no/such/file: no such file; ';
  const automatic = await runCommand('.', sh`setup`);
  expect(automatic.code).toBe(0);
  expect(automatic.err).toContain(`note: everything runs on wasm, which is slower: ${reason}`);
  const cpu = await runCommand('.', sh`setup --device cpu`);
  expect(cpu.code).toBe(6);
  expect(cpu.err).toContain(`error: ${reason}`);
});

test('setup --device accepts only devices that can be set up', async () => {
  const { code, err } = await runCommand('.', sh`setup --device js`);
  expect(code).toBe(2);
  expect(err).toContain('Allowed choices are auto, cpu, cuda, wasm');
});
