import { expect, test } from 'vitest';
import { compareTraces } from '../../src/graph/compare-traces.ts';
import { countOps, liveNodes, type Program, type ProgramNode } from '../../src/graph/program.ts';
import { programTable } from '../../src/graph/program-table.ts';

const vector = { dtype: 'float32', shape: [2] } as const;

/** y = relu(x * w) + [1, 2]; w becomes x * w. A Neg that nothing uses. */
function example(values = Float32Array.of(1, 2), layer = 'scale'): Program {
  const op = (name: string, inputs: number[]): ProgramNode => ({
    kind: 'op',
    op: name,
    layer,
    attributes: { T: { type: 'float32' }, keep: { bool: false }, axis: { int: 1 } },
    inputs: inputs.map((node) => ({ node, output: 0 })),
    outputs: [vector],
  });
  return {
    nodes: [
      { kind: 'input', index: 0, outputs: [vector] },
      { kind: 'variable', index: 0, outputs: [vector] },
      op('Mul', [0, 1]),
      op('Neg', [2]),
      op('Relu', [2]),
      { kind: 'constant', values, outputs: [vector] },
      op('AddV2', [4, 5]),
    ],
    inputs: [vector],
    variables: [{ name: 'w', ...vector }],
    outputs: [{ node: 6, output: 0 }],
    assignments: [{ variable: 0, value: { node: 2, output: 0 } }],
  };
}

test('only what the results need is live', () => {
  expect(liveNodes(example())).toEqual([true, true, true, false, true, true, true]);
  expect(liveNodes(example(), [{ node: 2, output: 0 }])).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('ops are counted as often as they run', () => {
  expect([...countOps(example())]).toEqual([
    ['Mul', 1],
    ['Relu', 1],
    ['AddV2', 1],
  ]);
});

test('the table shows a row for each live node and for each result', () => {
  const rows = programTable(example());
  expect(rows.map(({ number, op, inputs, details }) => `${number} ${op} <${inputs}> ${details}`)).toEqual([
    '1 input <> input 0',
    '2 variable <> w',
    '3 Mul <1 2> axis=1',
    '4 Relu <3> axis=1',
    '5 constant <> 1 2',
    '6 AddV2 <4 5> axis=1',
    ' output <6> output 0',
    ' assign <3> w',
  ]);
  expect(rows[2]).toMatchObject({ layer: 'scale', outputs: 'float32[2]' });
});

test('equal recordings have no difference, also where a constant is not a number', () => {
  expect(
    compareTraces(example(Float32Array.of(Number.NaN, 2)), example(Float32Array.of(Number.NaN, 2))),
  ).toBe(undefined);
});

test('a constant that differs is named by the layer that uses it, or by the op', () => {
  expect(compareTraces(example(), example(Float32Array.of(1, 3)))).toMatch(
    /^layer 'scale': uses values from JavaScript that change/,
  );
  expect(compareTraces(example(undefined, ''), example(Float32Array.of(1, 3), ''))).toMatch(
    /^op AddV2: uses values/,
  );
});

test('another op, another length and another result are differences', () => {
  const program = example();
  const nodes = program.nodes.map((node) =>
    node.kind === 'op' && node.op === 'Relu' ? { ...node, op: 'Elu' } : node,
  );
  expect(compareTraces(program, { ...program, nodes })).toMatch(
    /runs different ops on its second run \(starting in layer 'scale'\)/,
  );
  expect(compareTraces(program, { ...program, nodes: program.nodes.slice(0, 6) })).toMatch(/different ops/);
  expect(compareTraces(program, { ...program, assignments: [] })).toMatch(
    /returns or assigns different tensors/,
  );
});
