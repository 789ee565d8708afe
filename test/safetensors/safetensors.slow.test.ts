import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  float32Values,
  parseSafetensors,
  readSafetensors,
  safeTensor,
  writeSafetensors,
} from '../../src/safetensors/index.ts';
import { runPython, withPython } from '../helpers/python.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

describe.runIf(withPython)('the safetensors package for Python', () => {
  test('reads our files and writes them again with the same bytes', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'ours.safetensors');
    const tensors = new Map([
      [
        'z.weight',
        safeTensor(
          Float32Array.from({ length: 6 }, (_, index) => index / 3),
          [2, 3],
        ),
      ],
      ['10', safeTensor(Int32Array.of(-1, 2), [2])],
      ['9 "quoted" é', safeTensor(Uint8Array.of(7), [])],
      ['empty', safeTensor(new Float32Array(0), [0, 4])],
    ]);
    await writeSafetensors(path, tensors, new Map([['format', 'pt']]));
    const printed = await runPython(
      `
import json, sys
from safetensors import safe_open
from safetensors.torch import load_file, save_file
values = load_file(sys.argv[1])
with safe_open(sys.argv[1], "pt") as file:
    save_file(values, sys.argv[2], file.metadata())
print(json.dumps({name: [str(value.dtype), list(value.shape), value.flatten().tolist()] for name, value in values.items()}))
`,
      [path, join(folder, 'theirs.safetensors')],
    );
    expect(JSON.parse(printed)).toEqual({
      'z.weight': ['torch.float32', [2, 3], [...Float32Array.from({ length: 6 }, (_, index) => index / 3)]],
      '10': ['torch.int32', [2], [-1, 2]],
      '9 "quoted" é': ['torch.uint8', [], [7]],
      empty: ['torch.float32', [0, 4], []],
    });
    expect(await readFile(join(folder, 'theirs.safetensors'))).toEqual(await readFile(path));
  });

  test('converts every float16 and bfloat16 number to the same float32 as PyTorch', async () => {
    const path = join(await temporaryFolder(), 'halves.safetensors');
    await runPython(
      `
import sys, torch
from safetensors.torch import save_file
bits = torch.arange(65536).to(torch.int32).to(torch.int16)
values = {"F16": bits.view(torch.float16).clone(), "BF16": bits.view(torch.bfloat16)}
save_file({**values, **{name + ".float": value.float() for name, value in values.items()}}, sys.argv[1])
`,
      [path],
    );
    const { tensors } = await readSafetensors(path);
    for (const name of ['F16', 'BF16']) {
      const values = float32Values(name, tensors.get(name)!);
      expect(values).toEqual(float32Values(name, tensors.get(`${name}.float`)!));
    }
  });

  test('accepts and rejects the same damaged files', async () => {
    const folder = await temporaryFolder();
    const good = await readFile('test/fixtures/peft/two-layers/adapter_model.safetensors');
    const headers = [
      '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      '{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   ',
      '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
      '{"w":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}',
      '{"w":{"dtype":"F4","shape":[8],"data_offsets":[0,4]}}',
      '{"w":{"dtype":"F4","shape":[7],"data_offsets":[0,4]}}',
      '{"w":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}',
      '{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
      '{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}',
      '{"v":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"w":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}',
      '{"w":{"dtype":"U8","shape":[4,18446744073709551615],"data_offsets":[0,4]}}',
      '{"w":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}',
      '{"__metadata__":{"a":1},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      '{"w":[]}',
      '\ufeff{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      '[]',
    ];
    const files: Uint8Array[] = headers.map((header) => withHeader(header, 4));
    for (const length of [0, 4, 8, 100, good.length - 1]) files.push(good.subarray(0, length));
    for (let position = 0; position < 60; position++) {
      const bytes = Uint8Array.from(good);
      bytes[position * 7] = (bytes[position * 7]! + 1) % 256;
      files.push(bytes);
    }
    const paths = await Promise.all(
      files.map(async (bytes, index) => {
        const path = join(folder, `${index}.safetensors`);
        await writeFile(path, bytes);
        return path;
      }),
    );
    const printed = await runPython(
      `
import json, sys
from safetensors import deserialize
def accepted(path):
    try:
        deserialize(open(path, "rb").read())
        return True
    except Exception:
        return False
print(json.dumps([accepted(path) for path in json.loads(sys.argv[1])]))
`,
      [JSON.stringify(paths)],
    );
    const theirs = JSON.parse(printed) as boolean[];
    expect(files.map(accepted)).toEqual(theirs);
    expect(theirs.filter(Boolean).length).toBeGreaterThan(2);
  });
});

function withHeader(header: string, dataBytes: number): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

function accepted(bytes: Uint8Array): boolean {
  try {
    parseSafetensors('w', bytes);
    return true;
  } catch {
    return false;
  }
}
