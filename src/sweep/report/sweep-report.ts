import { z } from 'zod';
import { checkDocument, jsonText, readJson } from '../../files/index.ts';
import { versionsOf } from '../../recipes/index.ts';
import { type Configuration, NAMES } from '../grid.ts';
import type { Round } from '../halving.ts';
import type { SweepPlan } from '../plan.ts';
import { paretoFront, type Recommendation } from '../recommend.ts';
import type { ConfigurationScore } from '../scores.ts';
import type { TestScore } from '../test-scores.ts';
import type { TrialFailure } from '../trainer.ts';

/** Increases when an older version of this program would misread a report. */
const SWEEP_FORMAT_VERSION = 1;

const count = z.int().min(0);
const fraction = z.number().min(0).max(1);
const repeatedValue = z.object({
  mean: z.number().describe('Mean over the seeds.'),
  interval: z
    .tuple([z.number(), z.number()])
    .nullable()
    .describe("95 % interval of the mean over seeds (Student's t); null for a single seed."),
});
const accuracies = z.object({
  target: repeatedValue.describe('Accuracy on the target classes together.'),
  other: repeatedValue
    .optional()
    .describe('Accuracy on the other classes together; absent without target classes.'),
  total: repeatedValue.describe('Accuracy on all classes.'),
  gain: repeatedValue.describe('Change of the accuracy on the target classes by fine-tuning.'),
  drop: repeatedValue.describe('Accuracy lost by the other class that lost most; negative if all gained.'),
});
const configuration = z.record(z.string(), z.unknown());

/** The schema of `sweep.json`. */
export const sweepSchema = z.object({
  format: z.literal('tfjs-lora sweep'),
  formatVersion: z.literal(SWEEP_FORMAT_VERSION),
  createdAt: z.iso.datetime(),
  base: z.object({ folder: z.string(), contentHash: z.string() }),
  data: z.object({ directory: z.string(), train: z.string(), heldOut: z.string(), heldOutExamples: count }),
  device: z.string(),
  targetLabels: z.array(count),
  classNames: z.array(z.string()),
  maxDrop: fraction
    .optional()
    .describe('The budget: the most accuracy that any single other class may lose.'),
  seeds: z.array(count),
  rounds: z
    .array(z.object({ steps: count, configurations: count }))
    .describe('Of successive halving; else empty.'),
  configurations: z
    .array(
      accuracies.extend({
        name: z.string().describe('The settings that vary.'),
        configuration,
        seeds: z.array(count).describe('Seeds of the complete trials.'),
        failed: count.describe('Trials without a result.'),
        trials: z
          .array(z.string())
          .describe('Names of the run folders below trials/, in the order of seeds.'),
        trainableParameters: count,
        effectiveRank: z
          .number()
          .min(0)
          .describe('Mean over seeds of the largest effective rank of a layer.'),
        elapsedMs: z.number().min(0).describe('Mean training time of a trial.'),
        peakBytes: count.describe('Most memory that a worker process had used by the end of a trial.'),
        withinBudget: z.boolean(),
        onParetoFront: z
          .boolean()
          .describe('Whether no other configuration has both a higher gain and a lower drop.'),
        pValue: fraction
          .nullable()
          .describe(
            'Of being worse than the best: one-sided paired t-test over seeds, Holm-corrected. Null for the best, ' +
              'outside the budget, and with fewer than two seeds in common.',
          ),
      }),
    )
    .describe('Results on the held-out images.'),
  best: count
    .nullable()
    .describe('Position of the configuration with the highest score; null if none is within the budget.'),
  recommended: count
    .nullable()
    .describe('Position of the smallest configuration that is not significantly worse.'),
  test: z
    .array(accuracies.extend({ configuration: count.describe('Position.') }))
    .describe('Results on the test set of the recommended and the best configuration.'),
  failures: z.array(z.object({ configuration, seed: count, reason: z.string() })),
  versions: z.record(z.string(), z.string()),
});

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** The content of `sweep.json`. Accuracies are fractions, measured on held-out images except in `test`. */
export type SweepReport = DeepReadonly<z.infer<typeof sweepSchema>>;

/** The results of a sweep. */
interface Outcome {
  readonly options: {
    readonly run: string;
    readonly seeds: readonly number[];
    readonly targetLabels: readonly number[];
    readonly maxDrop?: number;
  };
  readonly rounds: readonly Round[];
  readonly scores: readonly ConfigurationScore[];
  readonly recommendation: Recommendation | undefined;
  /** Of the recommended and the best configuration. */
  readonly test: readonly TestScore[];
  readonly failures: readonly TrialFailure[];
}

/** Collects the results of a sweep. */
export function sweepReport(
  { setup, base, data, dataHashes, tensorflow }: SweepPlan,
  { options, rounds, scores, recommendation, test, failures }: Outcome,
): SweepReport {
  const front = new Set(paretoFront(scores));
  const nameOf = configurationNames(scores.map((score) => score.configuration));
  const tested = recommendation ? [recommendation.recommended, recommendation.best] : [];
  return {
    format: 'tfjs-lora sweep',
    formatVersion: SWEEP_FORMAT_VERSION,
    createdAt: new Date().toISOString(),
    base: { folder: options.run, contentHash: base.contentHash },
    data: { directory: setup.data, ...dataHashes, heldOutExamples: data.test.count },
    device: setup.device,
    targetLabels: options.targetLabels,
    classNames: base.classNames,
    maxDrop: options.maxDrop,
    seeds: options.seeds,
    rounds,
    configurations: scores.map(({ configuration, trials, ...score }, index) => ({
      ...score,
      name: nameOf(configuration),
      configuration: configuration as Record<string, unknown>,
      trials: trials.map(({ id }) => id),
      withinBudget: recommendation?.withinBudget[index] ?? false,
      onParetoFront: front.has(index),
      pValue: recommendation?.pValues[index] ?? null,
    })),
    best: recommendation?.best ?? null,
    recommended: recommendation?.recommended ?? null,
    test: test.map((score, position) => ({ ...score, configuration: tested[position]! })),
    failures: failures.map((failure) => ({
      ...failure,
      configuration: failure.configuration as Record<string, unknown>,
    })),
    versions: versionsOf(tensorflow),
  };
}

/** Names configurations by the settings that differ among them: 'rank 4, replay 0.5'. */
export function configurationNames(
  configurations: readonly Configuration[],
): (configuration: Configuration) => string {
  const varying = NAMES.filter(
    (name) => new Set(configurations.map((configuration) => JSON.stringify(configuration[name]))).size > 1,
  );
  return (configuration) => {
    const parts = varying
      .filter((name) => configuration[name] !== undefined)
      .map((name) => `${name} ${valueText(configuration[name])}`);
    return parts.join(', ') || 'default settings';
  };
}

function valueText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/**
 * Reads the report of a sweep.
 *
 * @param path a `sweep.json`
 * @throws CheckpointError if it cannot be read or is damaged
 */
export async function readSweepReport(path: string): Promise<SweepReport> {
  return checkDocument(path, await readJson(path), sweepSchema, {
    format: 'tfjs-lora sweep',
    version: SWEEP_FORMAT_VERSION,
    name: 'the report of a sweep',
  });
}

/** The JSON Schema of `sweep.json` as text, the content of docs/schemas/sweep.schema.json. */
export function sweepJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(sweepSchema, { io: 'input' });
  const description = 'Results of fine-tuning with many settings. Accuracies are fractions.';
  return `${jsonText({ $schema, title: 'Sweep of tfjs-lora', description, ...schema })}\n`;
}
