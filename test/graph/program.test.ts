import { expect, test } from 'vitest';
import { countOps, liveNodes, type Program, type ProgramNode, programTable } from '../../src/graph/index.ts';

const vector = { dtype: 'float32', shape: [2] } as const;

function opNode(op: string, inputs: number[]): ProgramNode {
  return {
    kind: 'op',
    op,
    layer: 'scale',
    attributes: { T: { type: 'float32' }, keep: { bool: false }, axis: { int: 1 } },
    inputs: inputs.map((node) => ({ node, output: 0 })),
    outputs: [vector],
  };
}

/** Returns relu(x * w) + [1, 2] and assigns x * w to w. Nothing uses Neg. */
const example: Program = {
  nodes: [
    { kind: 'input', index: 0, outputs: [vector] },
    { kind: 'variable', index: 0, outputs: [vector] },
    opNode('Mul', [0, 1]),
    opNode('Neg', [2]),
    opNode('Relu', [2]),
    { kind: 'constant', values: Float32Array.of(1, 2), outputs: [vector] },
    opNode('AddV2', [4, 5]),
  ],
  inputs: [vector],
  variables: [{ name: 'w', ...vector }],
  outputs: [{ node: 6, output: 0 }],
  assignments: [{ variable: 0, value: { node: 2, output: 0 } }],
};

test('nodes that no result depends on are dead', () => {
  expect(liveNodes(example)).toEqual([true, true, true, false, true, true, true]);
  const product = liveNodes(example, [{ node: 2, output: 0 }]);
  expect(product).toEqual([true, true, true, false, false, false, false]);
});

test('countOps counts live ops by name', () => {
  expect(Object.fromEntries(countOps(example))).toEqual({ Mul: 1, Relu: 1, AddV2: 1 });
});

test('programTable has a row for each live node and each result', () => {
  const rows = programTable(example);
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
