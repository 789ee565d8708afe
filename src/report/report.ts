import type { GateResult } from '../gates/index.ts';
import type { Evaluation } from '../metrics/index.ts';

/** What was judged, for readers; nothing here changes a number. */
export interface RunInfo {
  /** The command that made the report. */
  readonly command: string;
  /** The run folder as the user named it. */
  readonly run?: string;
  /** Where the examples come from, such as 'MNIST test'. */
  readonly data: string;
  readonly seed?: number;
  readonly rank?: number;
  readonly alpha?: number;
  readonly method?: string;
  /** Factor on the adapter's scale, 0..1. */
  readonly strength?: number;
  /** Share of each batch that came from the other classes. */
  readonly replay?: number;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly engine?: string;
  readonly device?: string;
  /** Content hash of the base model. */
  readonly contentHash?: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** An evaluation and what readers call it. */
export interface NamedEvaluation extends Evaluation {
  /** Such as 'adapter on', or a run's folder. */
  readonly name: string;
}

/** How training went. */
export interface TrainingCurve {
  /** Loss of each step, in order. */
  readonly losses: Float32Array;
  /** Accuracy measured after so many steps, as fractions, on the split that `name` tells. */
  readonly accuracies?: { readonly name: string; readonly points: readonly AccuracyPoint[] };
}

/** How good a model was after so many steps. */
export interface AccuracyPoint {
  readonly step: number;
  readonly accuracy: number;
}

/** What fine-tuning gained and cost at a point, on held-out examples; changes of accuracy as fractions. */
export interface Tradeoff {
  /** Gain of the target classes together. */
  readonly gain: number;
  /** Loss of the other class that lost most; negative when all gained. */
  readonly drop: number;
}

/** What was done against forgetting, judged on examples held out of training. */
export interface ForgettingGuard {
  /** For readers, a line each. */
  readonly summary: readonly string[];
  /** Examples held out. */
  readonly examples: number;
  /** The most accuracy that any other class may lose, a fraction. */
  readonly maxDrop: number;
  /** Checks while training, and the step whose weights were kept. */
  readonly checks?: readonly (Tradeoff & { readonly step: number })[];
  readonly keptStep?: number;
  /** Adapter strengths tried after training, and the one that was kept. */
  readonly strengths?: readonly (Tradeoff & { readonly strength: number })[];
  readonly keptStrength?: number;
}

/** How much of its rank an adapted layer uses. */
export interface LayerRank {
  readonly layer: string;
  readonly rank: number;
  /** Singular values of the update that is added to the kernel, largest first. */
  readonly singularValues: readonly number[];
  /** exp of the entropy of their squares' shares: 1 when one direction does all, at most the rank; 0 for no update. */
  readonly effectiveRank: number;
}

/** One evaluation, or two of the same examples, with what a reader needs to know about them. */
export interface Report {
  /** ISO 8601; the only part that differs between two reports of the same run. */
  readonly createdAt: string;
  readonly subject: RunInfo;
  readonly evaluation: NamedEvaluation;
  /** What `evaluation` is compared with. */
  readonly baseline?: NamedEvaluation;
  /** Labels of the target classes, those that fine-tuning was meant to improve; empty without any. */
  readonly targetLabels: readonly number[];
  readonly training?: TrainingCurve;
  readonly guard?: ForgettingGuard;
  readonly layers?: readonly LayerRank[];
  readonly gates?: readonly GateResult[];
}
