import type { ProgramRow } from '../../../graph/index.ts';
import type { LoraSummary } from '../../../lora/index.ts';
import type { ModelSummary } from '../../../models/index.ts';
import { formatCount, formatPercent, plainTable, tableText } from '../../../text/index.ts';
import type { LayerInspection } from '../../../verification/index.ts';

/** Layers of a plain model. */
export function renderLayers({ layers, parameters }: ModelSummary): string {
  const table = plainTable(['left', 'left', 'left', 'right']);
  table.push(['layer', 'type', 'output', 'parameters']);
  for (const { name, type, outputShape, parameters: own } of layers) {
    table.push([name, type, outputShape.map((size) => size ?? '?').join(' x '), formatCount(own)]);
  }
  return `${tableText(table)}\nparameters: ${formatCount(parameters)}`;
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
      formatCount(trainableParameters),
      updateShare === undefined ? '-' : `${formatPercent(updateShare)} %`,
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
    `trainable: ${formatCount(trainableParameters)} of ${formatCount(totalParameters)} values, ` +
      `${formatPercent(shareOfBase)} % of the base's ${formatCount(baseParameters)}`,
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
