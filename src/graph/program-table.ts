import type { Attributes } from '../tensorflow/index.ts';
import { liveNodes, type Program, type ProgramNode, type ValueRef } from './program.ts';

/** A row of `programTable`. All fields are text, empty where they do not apply. */
export interface ProgramRow {
  /** Position among the nodes, from 1. Empty for the program's results. */
  readonly number: string;
  /** The op, or `input`, `variable`, `constant`; for results `output` or `assign`. */
  readonly op: string;
  readonly layer: string;
  /** Dtype and shape of each output, such as `float32[2,3]`. */
  readonly outputs: string;
  /** Numbers of the rows that it takes, with `3:1` for the second output of row 3. */
  readonly inputs: string;
  /**
   * A variable's name, the first values of a constant, or an op's attributes other than types and false
   * flags.
   */
  readonly details: string;
}

/**
 * A program as a table for people: a row for each node in order of execution, then one for each result. Dead
 * code is left out.
 *
 * @example
 * console.table(programTable(simplify(program)));
 */
export function programTable(program: Program): ProgramRow[] {
  const live = liveNodes(program);
  const numbers = new Map<number, number>();
  program.nodes.forEach((_, index) => {
    if (live[index]) numbers.set(index, numbers.size + 1);
  });
  const refText = ({ node, output }: ValueRef) => `${numbers.get(node)}${output > 0 ? `:${output}` : ''}`;
  const nodeRows = program.nodes
    .filter((_, index) => live[index])
    .map((node, index): ProgramRow => {
      return {
        number: String(index + 1),
        op: node.kind === 'op' ? node.op : node.kind,
        layer: node.layer ?? '',
        outputs: node.outputs.map(specText).join(' '),
        inputs: node.kind === 'op' ? node.inputs.map(refText).join(' ') : '',
        details: nodeDetails(program, node),
      };
    });
  const resultRow = (op: string, value: ValueRef, details: string): ProgramRow => {
    const outputs = specText(program.nodes[value.node]!.outputs[value.output]!);
    return { number: '', op, layer: '', outputs, inputs: refText(value), details };
  };
  return [
    ...nodeRows,
    ...program.outputs.map((value, index) => resultRow('output', value, `output ${index}`)),
    ...program.assignments.map(({ variable, value }) =>
      resultRow('assign', value, program.variables[variable]!.name),
    ),
  ];
}

function nodeDetails(program: Program, node: ProgramNode): string {
  switch (node.kind) {
    case 'input':
      return `input ${node.index}`;
    case 'variable':
      return program.variables[node.index]!.name;
    case 'constant':
      return valuesText(node.values);
    case 'op':
      return attributesText(node.attributes);
  }
}

function specText({ dtype, shape }: ProgramNode['outputs'][number]): string {
  return `${dtype}[${shape.join(',')}]`;
}

function valuesText(values: ArrayLike<number>): string {
  const first = Array.from({ length: Math.min(values.length, 4) }, (_, index) =>
    String(Number(values[index]!.toPrecision(6))),
  );
  return values.length > first.length ? `${first.join(' ')} ...` : first.join(' ');
}

function attributesText(attributes: Attributes): string {
  return Object.entries(attributes)
    .filter(([, attribute]) => !('type' in attribute) && !('bool' in attribute && !attribute.bool))
    .map(([name, attribute]) => `${name}=${Object.values(attribute)[0]}`)
    .join(' ');
}
