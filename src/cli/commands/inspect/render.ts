import type { ProgramRow } from '../../../graph/index.ts';
import { type LoraSummary, type LoraTarget, placeOf } from '../../../lora/index.ts';
import type { ModelSummary } from '../../../models/index.ts';
import { formatCount, formatNumber, formatPercent, plainTable, tableText } from '../../../text/index.ts';
import type { LayerInspection } from '../../../verification/index.ts';
import { renderTrainable } from '../../adapter-summary.ts';

/** A table of the layers of a plain model. */
export function renderLayers({ layers, parameters }: ModelSummary): string {
  const table = plainTable(['left', 'left', 'left', 'right']);
  table.push(['layer', 'type', 'output', 'parameters']);
  for (const layer of layers) {
    const output = layer.outputShape.map((size) => size ?? '?').join(' x ');
    table.push([layer.name, layer.type, output, formatCount(layer.parameters)]);
  }
  return `${tableText(table)}\nparameters: ${formatCount(parameters)}`;
}

/** A table of the layers that can be adapted. */
export function renderTargets(targets: readonly LoraTarget[]): string {
  if (targets.length === 0) return 'no layer can be adapted';
  const table = plainTable(['left', 'left', 'right', 'right']);
  table.push(['can be adapted', 'kernel', 'trainable per rank', 'usable rank']);
  for (const target of targets) {
    const { className, shape, parametersPerRank, usableRank } = target;
    const kernel = `${className} ${shape.join(' x ')}`;
    table.push([placeOf(target, targets), kernel, formatCount(parametersPerRank), formatCount(usableRank)]);
  }
  return tableText(table);
}

/** A table of the adapters on each layer, with the singular values of their updates below. */
export function renderAdapters(layers: readonly LayerInspection[], summary: LoraSummary): string {
  const hasSeveral = new Set(layers.map(({ adapter }) => adapter)).size > 1;
  const nameOf = (layer: LayerInspection) => {
    const place = placeOf(layer, layers);
    return hasSeveral ? `${place} (${layer.adapter})` : place;
  };
  const table = plainTable(['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right']);
  table.push(['layer', 'kernel', 'rank', 'alpha', 'scale', 'trainable', 'change', 'effective rank']);
  for (const layer of layers) {
    const { type, kernelShape, rank, alpha, effectiveScale, trainableParameters } = layer;
    const { updateShare, effectiveRank } = layer;
    const settings = rank > 0 ? [String(rank), String(alpha), formatNumber(effectiveScale)] : ['-', '-', '-'];
    table.push([
      nameOf(layer),
      `${type} ${kernelShape.join(' x ')}`,
      ...settings,
      formatCount(trainableParameters),
      updateShare === undefined ? '-' : `${formatPercent(updateShare)} %`,
      effectiveRank === undefined ? '-' : effectiveRank.toFixed(1),
    ]);
  }
  return [
    tableText(table),
    '',
    'change: norm of the update / norm of the kernel, at strength 1',
    'effective rank: how many directions the update uses, at most the rank',
    'singular values of the update:',
    ...layers.flatMap((layer) =>
      layer.singularValues ? [`  ${nameOf(layer)}  ${listValues(layer.singularValues)}`] : [],
    ),
    '',
    renderTrainable(summary),
  ].join('\n');
}

/** A table of the ops of a program. */
export function renderProgram(rows: readonly ProgramRow[]): string {
  const table = plainTable(['right', 'left', 'left', 'left', 'left', 'left']);
  table.push(['', 'op', 'layer', 'outputs', 'inputs', 'details']);
  for (const { number, op, layer, outputs, inputs, details } of rows) {
    table.push([number, op, layer, outputs, inputs, details]);
  }
  return tableText(table);
}

function listValues(values: readonly number[]): string {
  const listed = values.slice(0, 8).map(formatNumber).join(' ');
  return values.length > 8 ? `${listed} ... (${values.length})` : listed;
}
