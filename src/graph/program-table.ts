import type { Attributes } from '../tensorflow/index.ts';
import { liveNodes, type Program, type ProgramNode, type ValueRef } from './program.ts';

/** A row of `programTable`, all text. */
export interface ProgramRow {
  readonly number: string;
  readonly op: string;
  readonly layer: string;
  /** Element type and shape of each output. */
  readonly outputs: string;
  /** Numbers of the rows it takes, `3:1` for the second output of row 3. */
  readonly inputs: string;
  /** Values of small constants, and what the attributes say beyond element types. */
  readonly details: string;
}

/** The parts of a program that its results need, a row for each node and for each result, in order of execution. */
export function programTable(program: Program): ProgramRow[] {
  const live = liveNodes(program);
  const numbers = new Map<number, number>();
  program.nodes.forEach((_, index) => {
    if (live[index]) numbers.set(index, numbers.size + 1);
  });
  const text = ({ node, output }: ValueRef) => `${numbers.get(node)}${output > 0 ? `:${output}` : ''}`;
  const rows = program.nodes.flatMap((node, index) => (live[index] ? [nodeRow(node)] : []));
  return [
    ...rows.map((row, index) => ({ number: String(index + 1), ...row })),
    ...program.outputs.map((ref, index) => resultRow('output', ref, `output ${index}`)),
    ...program.assignments.map(({ variable, value }) =>
      resultRow('assign', value, program.variables[variable]!.name),
    ),
  ];

  function nodeRow(node: ProgramNode): Omit<ProgramRow, 'number'> {
    const shared = {
      layer: node.layer ?? '',
      outputs: node.outputs.map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`).join(' '),
      inputs: '',
    };
    switch (node.kind) {
      case 'input':
        return { ...shared, op: 'input', details: `input ${node.index}` };
      case 'variable':
        return { ...shared, op: 'variable', details: program.variables[node.index]!.name };
      case 'constant':
        return { ...shared, op: 'constant', details: preview(node.values) };
      case 'op':
        return {
          ...shared,
          op: node.op,
          inputs: node.inputs.map(text).join(' '),
          details: describe(node.attributes),
        };
    }
  }

  function resultRow(op: string, ref: ValueRef, details: string): ProgramRow {
    const { dtype, shape } = program.nodes[ref.node]!.outputs[ref.output]!;
    return { number: '', op, layer: '', outputs: `${dtype}[${shape.join(',')}]`, inputs: text(ref), details };
  }
}

function preview(values: ArrayLike<number>): string {
  const shown = Array.from({ length: Math.min(values.length, 4) }, (_, index) =>
    String(Number(values[index]!.toPrecision(6))),
  );
  return values.length > shown.length ? `${shown.join(' ')} ...` : shown.join(' ');
}

function describe(attributes: Attributes): string {
  return Object.entries(attributes)
    .filter(([, value]) => !('type' in value) && !('bool' in value && !value.bool))
    .map(([name, value]) => `${name}=${Object.values(value)[0]}`)
    .join(' ');
}
