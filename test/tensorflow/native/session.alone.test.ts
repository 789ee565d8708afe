import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { alignedBytes } from '../../../src/data/index.ts';
import { TensorFlowError } from '../../../src/errors.ts';
import { compileFunction } from '../../../src/graph/index.ts';
import {
  GraphBuilder,
  int64Words,
  loadTensorFlow,
  Session,
  SessionVariables,
} from '../../../src/tensorflow/index.ts';
import { compilerSettings, xlaCacheFolder } from '../../../src/tensorflow-libraries/index.ts';
import { memoryCounts } from '../../helpers/memory.ts';
import { keptFolder, temporaryFolder } from '../../helpers/temporary.ts';

let cache: string;

beforeAll(async () => {
  process.env.TFJS_LORA_CACHE = await keptFolder();
  const { version } = await loadTensorFlow({ device: 'cpu', threads: 1 });
  cache = xlaCacheFolder('cpu', version!, compilerSettings('cpu', { tf32: false }));
});

const scalar = { dtype: 'float32', shape: [] } as const;

/** A session that doubles `input` to `output`. */
function doubling(): Session {
  const graph = new GraphBuilder();
  const input = graph.placeholder('input', scalar);
  graph.add('AddV2', [input, input], { T: { type: 'float32' } }, 'output');
  return new Session(graph.nodes);
}

test('sessions do not share variables', () => {
  const graphs = [1, 2].map((value) => {
    const graph = new GraphBuilder();
    const variables = new SessionVariables(graph, 'v');
    variables.add({ name: 'w', ...scalar });
    const session = new Session(graph.nodes);
    variables.write(session, new Map([['w', Float32Array.of(value)]]));
    return { session, variables };
  });
  expect(graphs.map(({ session, variables }) => variables.read(session).get('w')![0])).toEqual([1, 2]);
  for (const { session } of graphs) session.dispose();
});

test('loading a graph writes no file to the temporary folder', async () => {
  const folder = await temporaryFolder();
  const { TMPDIR } = process.env;
  process.env.TMPDIR = folder;
  try {
    const session = doubling();
    expect(readdirSync(folder)).toEqual([]);
    session.dispose();
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
});

test('a variable keeps its value when the array that it was written from changes', () => {
  const graph = new GraphBuilder();
  const variables = new SessionVariables(graph, 'v');
  variables.add({ name: 'w', dtype: 'float32', shape: [1000] });
  const session = new Session(graph.nodes);
  const values = new Float32Array(1000).fill(1);
  variables.write(session, new Map([['w', values]]));
  values.fill(7);
  expect(new Set(variables.read(session).get('w'))).toEqual(new Set([1]));
  session.dispose();
});

const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } })
  .header;

test.runIf(glibcVersionRuntime)('a shared variable uses the memory of a large aligned array', () => {
  const graph = new GraphBuilder();
  const variables = new SessionVariables(graph, 'v', { shared: true });
  const bytes = alignedBytes(40 * 2 ** 20);
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).fill(1);
  variables.add({ name: 'data', dtype: 'float32', shape: [values.length] });
  const session = new Session(graph.nodes);
  variables.write(session, new Map([['data', values]]));
  values[values.length - 1] = 7;
  const read = variables.read(session).get('data')!;
  expect([read.length, read[0], read.at(-1)]).toEqual([values.length, 1, 7]);
  session.dispose();
});

test('a graph that TensorFlow rejects gives one line with the cause, and the next graph runs', () => {
  const graph = new GraphBuilder();
  graph.add('NoSuchOp', [], {});
  let error: unknown;
  try {
    new Session(graph.nodes);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(TensorFlowError);
  expect((error as Error).message).toMatch(/^TensorFlow could not run the graph: .*NoSuchOp/);
  expect((error as Error).message).not.toContain('\n');
  const session = doubling();
  expect(session.read({ input: { ...scalar, values: Float32Array.of(4) } }, ['output'])[0]![0]).toBe(8);
  session.dispose();
});

test('a session can be used after a run has failed, until it is disposed', () => {
  const session = doubling();
  const wrong = { dtype: 'int32', shape: [], values: Int32Array.of(1) } as const;
  expect(() => session.read({ input: wrong }, ['output'])).toThrow(TensorFlowError);
  expect(session.read({ input: { ...scalar, values: Float32Array.of(1) } }, ['output'])[0]![0]).toBe(2);
  session.dispose();
  session.dispose();
  expect(() => session.run({}, ['output'])).toThrow('the session has been disposed');
});

test('runs leave no tensors behind, also runs that fail', () => {
  const before = memoryCounts();
  const session = doubling();
  const right = { ...scalar, values: Float32Array.of(1) };
  const wrong = { dtype: 'int32', shape: [], values: Int32Array.of(1) } as const;
  for (let run = 0; run < 3; run++) {
    session.read({ input: right }, ['output']);
    session.execute({ input: right }, ['output']);
    expect(() => session.run({ input: wrong }, ['output'])).toThrow(TensorFlowError);
  }
  session.dispose();
  expect(memoryCounts()).toEqual(before);
});

test('node names are made unique and valid', () => {
  const graph = new GraphBuilder();
  const names = ['a b', 'a b', 'a_b_1', '_x', '^'].map((name) => graph.add('NoOp', [], {}, name));
  expect(names).toEqual(['a_b', 'a_b_1', 'a_b_1_1', 'x', 'node']);
});

test('int64Words sign-extends each value to a low and a high word', () => {
  expect([...int64Words(Int32Array.of(5, -2))]).toEqual([5, 0, -2, -1]);
});

test.for([
  ['foreign', () => Buffer.from('no protocol buffer at all')],
  ['empty', () => Buffer.alloc(0)],
  ['truncated', (whole: Buffer) => whole.subarray(0, 100)],
  ['corrupt', (whole: Buffer) => whole.fill(255, whole.length >> 1, (whole.length >> 1) + 8)],
] as const)('compiles again when the compiled code in the cache is %s', ([, damage]) => {
  const compile = () => compileFunction((x) => tf.exp(tf.mul(x!, 2)), { jit: true });
  const first = compile();
  first(tf.scalar(1));
  const files = readdirSync(cache);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) writeFileSync(join(cache, file), damage(readFileSync(join(cache, file))));
  const second = compile();
  // One exp in float32: five decimals of 7.389.
  expect(second(tf.scalar(1)).dataSync()[0]).toBeCloseTo(Math.exp(2), 5);
});
