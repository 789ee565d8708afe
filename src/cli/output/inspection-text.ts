import type { ProgramRow } from '../../graph/program-table.ts';
import type { LoraSummary } from '../../lora/summary.ts';
import type { ModelSummary } from '../../models/summary.ts';
import { count, percent } from '../../report/format.ts';
import { plainTable, tableText } from '../../report/plain-table.ts';
import type { LayerInspection } from '../../verification/inspect.ts';

/** Layers of a plain model. */
export function renderLayers({ layers, parameters }: ModelSummary): string {
  const table = plainTable(['left', 'left', 'left', 'right']);
  table.push(['layer', 'type', 'output', 'parameters']);
  for (const { name, type, outputShape, parameters: own } of layers) {
    table.push([name, type, outputShape.map((size) => size ?? '?').join(' x '), count(own)]);
  }
  return `${tableText(table)}\nparameters: ${count(parameters)}`;
}

/** Adapters layer by layer: what they are, how much they change, how much of their rank they use. */
export function renderAdapters(layers: readonly LayerInspection[], summary: LoraSummary): string {
  const several = new Set(layers.map(({ adapter }) => adapter)).size > 1;
  const nameOf = ({ path, adapter }: LayerInspection) => (several ? `${path} (${adapter})` : path);
  const table = plainTable(['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right']);
  table.push(['layer', 'kernel', 'rank', 'alpha', 'scale', 'trainable', 'change', 'rank used']);
  for (const layer of layers) {
    const { type, kernelShape, rank, alpha, effectiveScale, trainableParameters, updateShare } = layer;
    table.push([
      nameOf(layer),
      `${type} ${kernelShape.join(' x ')}`,
      rank > 0 ? String(rank) : '-',
      rank > 0 ? String(alpha) : '-',
      rank > 0 ? short(effectiveScale) : '-',
      count(trainableParameters),
      updateShare === undefined ? '-' : `${percent(updateShare)} %`,
      layer.effectiveRank === undefined ? '-' : layer.effectiveRank.toFixed(1),
    ]);
  }
  const { trainableParameters, totalParameters, baseParameters, shareOfBase } = summary;
  return [
    tableText(table),
    '',
    'change: norm of the update over the norm of the kernel, at strength 1',
    'singular values of the update:',
    ...layers.flatMap((layer) =>
      layer.singularValues ? [`  ${nameOf(layer)}  ${listed(layer.singularValues)}`] : [],
    ),
    '',
    `trainable: ${count(trainableParameters)} of ${count(totalParameters)} values, ` +
      `${percent(shareOfBase)} % of the base's ${count(baseParameters)}`,
  ].join('\n');
}

/** The ops of a step. */
export function renderProgram(rows: readonly ProgramRow[]): string {
  const table = plainTable(['right', 'left', 'left', 'left', 'left', 'left']);
  table.push(['', 'op', 'layer', 'gives', 'takes', 'details']);
  for (const { number, op, layer, outputs, inputs, details } of rows) {
    table.push([number, op, layer, outputs, inputs, details]);
  }
  return tableText(table);
}

function listed(values: readonly number[]): string {
  const shown = values.slice(0, 8).map(short).join(' ');
  return values.length > 8 ? `${shown} ... (${values.length})` : shown;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
