import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { namedLayers } from '../models/index.ts';
import { listNames } from '../quote.ts';
import type { ResolvedLoraConfig } from './config.ts';
import { findComponents, isSignificant, type LayerComponents } from './eva-components.ts';
import type { AdapterOptions } from './init.ts';
import type { AdapterSettings } from './layers/adapter.ts';
import { kernelsOf } from './layers/kernels.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { baseClassOf, baseWeightsOf } from './layers/lora-layer.ts';
import type { PrincipalComponents } from './math/incremental-pca.ts';
import { valuesOf } from './math/linear-algebra.ts';
import { checkModelInputs } from './model-inputs.ts';
import { copySettings, hasBias } from './plan.ts';

/** What EVA decides about an adapter. */
export interface EvaPlan {
  /** The settings of the adapter by layer path, with the ranks that EVA gives the layers. Those of rank 0 are missing. */
  readonly plan: ReadonlyMap<string, AdapterSettings>;
  /** Row-major values of A [inputs, rank] by layer path. Layers that EVA does not support are missing. */
  readonly initialA: ReadonlyMap<string, Float32Array>;
}

type EvaOptions = Pick<AdapterOptions<never>, 'batches' | 'onWarning'>;

/**
 * Explained variance adaptation (EVA, Paischer et al. 2024, arXiv:2410.07170) as in PEFT: A starts as the principal
 * components of the layer's inputs, and components that explain a larger share of their layer's variance are preferred,
 * so layers get different ranks with the same sum. Layers other than dense ones keep their rank and start as with `kaiming`.
 *
 * @param plan what `planAdapter` decided about the adapter
 * @returns the plan unchanged if the configuration has another `init`
 * @throws UsageError if no dense layer is adapted, no batch has enough rows, or the components do not converge
 */
export function planEva(
  model: AdaptableModel,
  plan: ReadonlyMap<string, AdapterSettings>,
  config: ResolvedLoraConfig,
  { batches = [], onWarning }: EvaOptions,
): EvaPlan {
  if (config.init !== 'eva') return { plan, initialA: new Map() };
  for (const [index, batch] of batches.entries()) checkModelInputs(`batches[${index}]`, model, batch);
  const { rho = 2, tau = 0.99, whiten = false, adjustScalingFactors = true } = config.evaConfig ?? {};
  const layers = layersFor(model, plan, { config, rho, onWarning });
  const ranks = findComponents(model, layers, { batches, tau });
  const result = new Map(plan);
  const initialA = new Map<string, Float32Array>();
  for (const { path, layer, rank, found } of layers) {
    const settings = plan.get(path)!;
    const newRank = ranks.get(path)!;
    if (newRank > 0) {
      const alpha = adjustScalingFactors ? (settings.alpha * newRank) / rank : settings.alpha;
      result.set(path, { ...settings, rank: newRank, alpha });
      initialA.set(path, initialValues(found!, newRank, whiten));
    } else if (config.bias === 'all' && hasBias(layer)) {
      result.set(path, copySettings(settings.name, 'bias'));
    } else {
      result.delete(path);
    }
  }
  return { plan: result, initialA };
}

/**
 * Returns the dense layers that get A and B. Warns about other layers that do.
 *
 * @throws UsageError if there is no such dense layer
 */
function layersFor(
  model: AdaptableModel,
  plan: ReadonlyMap<string, AdapterSettings>,
  options: Pick<EvaOptions, 'onWarning'> & { readonly config: ResolvedLoraConfig; readonly rho: number },
): LayerComponents[] {
  const { config, rho, onWarning } = options;
  const lowRank = namedLayers(model).filter(({ path }) => (plan.get(path)?.rank ?? 0) > 0);
  const others = lowRank.filter(({ layer }) => baseClassOf(layer) !== 'Dense').map(({ path }) => path);
  if (others.length === lowRank.length)
    throw new UsageError('invalid-argument', "init 'eva': needs a dense layer to adapt; use init 'kaiming'");
  if (others.length > 0)
    onWarning?.(
      `init 'eva': supports dense layers only; others start as with 'kaiming': ${listNames(others)}`,
    );
  return lowRank
    .filter(({ path }) => !others.includes(path))
    .map(({ path, layer }) => {
      const { rank } = plan.get(path)!;
      const [[kernelName, kind]] = [...kernelsOf(layer, config.method)] as [[string, LayerKind]];
      const { inputs } = kind.matrixShape(baseWeightsOf(layer).get(kernelName)!.shape as number[]);
      const count = Math.min(Math.round(rank * rho), inputs);
      return { path, layer, rank, count, converged: new Array<boolean>(count).fill(false) };
    });
}

/** Returns A [inputs, rank], row-major. */
function initialValues(found: PrincipalComponents, rank: number, whiten: boolean): Float32Array {
  const a = found.components.subMatrix(0, rank - 1, 0, found.components.columns - 1).transpose();
  if (whiten) {
    const factors = found.singularValues
      .slice(0, rank)
      .map((value, index) => (isSignificant(found, index) ? 1 / Math.sqrt(value) : 1));
    a.mulRowVector(factors);
  }
  return valuesOf(a);
}
