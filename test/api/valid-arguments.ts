import * as tf from '@tensorflow/tfjs';
import * as data from '../../src/api/data.ts';
import * as root from '../../src/api/index.ts';
import * as metrics from '../../src/api/metrics.ts';
import * as recipes from '../../src/api/recipes.ts';
import * as report from '../../src/api/report.ts';
import * as safetensors from '../../src/api/safetensors.ts';
import { makeEvaluation } from '../metrics/make-evaluation.ts';
import { singleReport } from '../report/make-report.ts';

/** A path where nothing can be, nor be made. */
export const nowhere = '/dev/null/tfjs-lora';

const evaluation = makeEvaluation([0, 1, 1], [0, 1, 0], { classes: 2 });
const dataset: data.ImageDataset = {
  images: new Uint8Array(8),
  labels: Uint8Array.of(0, 1),
  count: 2,
  height: 2,
  width: 2,
  classes: 2,
};
const tensor = safetensors.safeTensor(Float32Array.of(1, 2), [2]);
const tensors = new Map([['bias', tensor]]);
const content = { tensors, metadata: new Map([['format', 'pt']]) };
const bytes = Buffer.concat(safetensors.serializeSafetensors('file', content));
const rows = Int32Array.of(0, 1);
const sampler = { rows, seed: 0 };
const single = singleReport(20);
const gateResult = { gate: 'min-accuracy', passed: true, message: 'met' };
const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [4], useBias: false })] });
const normalization = { mean: 0, std: 1 };
const addAdapter = (plain: tf.LayersModel) => root.injectLora(plain, { rank: 1 }) as tf.LayersModel;
const adapted = addAdapter(model);
const trainingData = {
  rows: 2,
  inputs: [{ values: new Float32Array(8), featureShape: [4] }],
  labels: { values: new Int32Array(2), featureShape: [] },
};
const optimizer = { rule: { kind: 'adam' }, learningRate: 0.1 } as const;
const taskOptions = { model: adapted, batchSize: 1, optimizer, seed: 0 };
const adapterFolder = `${nowhere}/adapter`;
const mnist = { train: dataset, test: dataset, directory: nowhere, published: false };
const recipe = { adjust: ['invert'], tensorflow: {}, cwd: '/', onNotice: () => {} };
const withData = { ...recipe, data: mnist };
const save = { numbered: false, overwrite: false };
const training = {
  ...withData,
  ...save,
  seed: 0,
  resume: false,
  tensorboard: nowhere,
  signal: new AbortController().signal,
};
const run = nowhere;
const task = root.classificationTask({ ...taskOptions, dataset, normalization });
const engine = root.createEngine('eager', task, { steps: 1 });

/** Arguments of each function, by entry point. */
export const calls: Record<
  string,
  { readonly entry: object; readonly functions: Record<string, readonly unknown[]> }
> = {
  data: {
    entry: data,
    functions: {
      adjustImages: [dataset, ['invert']],
      countByLabel: [dataset],
      dataHash: [dataset],
      datasetWarnings: [dataset, 'train'],
      overlapWarnings: [dataset, dataset],
      parseLabels: ['0,1', 2],
      replaySampler: [{ ...sampler, replayRows: rows, fraction: 0.5, batchSize: 2 }],
      rowsOfLabels: [dataset, [1]],
      selectRows: [dataset, rows],
      sharedRows: [dataset, dataset],
      shuffledSampler: [{ ...sampler, stream: 1 }],
      splitRows: [dataset, { fraction: 0.5, seed: 0, rows }],
      subsetOf: [dataset, { labels: [1], perClass: 1, seed: 0 }],
    },
  },
  metrics: {
    entry: metrics,
    functions: {
      calibrationError: [evaluation, 15],
      classificationMetrics: [evaluation],
      compareEvaluations: [evaluation, evaluation, { targetLabels: [1] }],
      confusionMatrix: [evaluation],
      holmCorrection: [[0.1, null]],
      mcnemarTest: [10, 2],
      overall: [evaluation],
      perClass: [evaluation],
      topConfusionChanges: [evaluation, evaluation, 3],
      wilsonInterval: [1, 2, 0.95],
      worstMistakes: [evaluation, 3, evaluation],
    },
  },
  safetensors: {
    entry: safetensors,
    functions: {
      float32Values: ['bias', tensor],
      int32Values: ['bias', safetensors.safeTensor(Int32Array.of(1), [1])],
      parseSafetensors: ['file', bytes],
      readSafetensors: [nowhere],
      safeTensor: [Float32Array.of(1, 2), [2]],
      serializeSafetensors: ['file', content],
      writeSafetensors: [`${nowhere}/file`, tensors, content.metadata],
    },
  },
  report: {
    entry: report,
    functions: {
      checkGates: [{ evaluation, baseline: evaluation, targetLabels: [1] }, { minAccuracy: 0.5 }],
      parseReport: ['report.json', {}],
      readPolicy: [nowhere],
      readReport: [nowhere],
      renderReport: [single, 'markdown', { color: false }],
      requireGates: [[gateResult]],
      resultsOf: [single],
      validateGates: [{ minAccuracy: 0.5 }, { classNames: ['0'], hasBaseline: false }],
    },
  },
  recipes: {
    entry: recipes,
    functions: {
      adaptRun: [{ ...recipe, ...save, run, lora: { rank: 1 } }],
      compareReports: [{ before: nowhere, after: nowhere, gates: {}, cwd: '/', onNotice: () => {} }],
      evaluateRun: [{ ...withData, run, strength: 1, compare: run, baseline: run, gates: {} }],
      exportAdapter: [{ ...recipe, run, folder: adapterFolder, overwrite: false }],
      exportWeights: [{ ...recipe, run, file: `${nowhere}/file`, overwrite: false }],
      finetune: [{ ...training, run, steps: 1, targetLabels: [1], lora: { rank: 1 }, gates: {} }],
      importAdapter: [{ ...recipe, ...save, adapter: adapterFolder, run, anyBase: false, normalization }],
      importModel: [{ ...withData, ...save, model: `${nowhere}/model.json`, normalization }],
      importWeights: [{ ...recipe, ...save, weights: `${nowhere}/file`, run, normalization }],
      inspectAdapterFiles: [{ ...recipe, baseModel: nowhere, adapter: nowhere }],
      inspectBaseModel: [{ ...recipe, baseModel: nowhere }],
      inspectRun: [{ ...withData, run }],
      inspectStep: [{ ...withData, run, batchSize: 1 }],
      mergeAdapterFiles: [
        {
          ...recipe,
          baseModel: nowhere,
          adapter: nowhere,
          out: `${nowhere}/out`,
          strength: 1,
          overwrite: true,
        },
      ],
      mergeRun: [{ ...recipe, ...save, run, strength: 1 }],
      predict: [{ ...recipe, run, files: [nowhere], rows: [0] }],
      pretrain: [{ ...training, steps: 1, out: `${nowhere}/out` }],
      verifyAdapterFiles: [{ ...recipe, baseModel: nowhere, adapter: nowhere }],
      verifyRun: [{ ...withData, run }],
    },
  },
  root: {
    entry: root,
    functions: {
      activeAdapters: [adapted],
      addAdapter: [adapted, 'extra', { rank: 1 }, {}],
      addWeightedAdapter: [adapted, 'sum', [{ name: 'default', weight: 1 }], {}],
      classificationTask: [{ ...taskOptions, dataset, normalization }],
      createDigitsNet: [{ inputSize: 4, classes: 2, seed: 0, head: 'relu' }],
      createEngine: ['eager', task, { steps: 1 }],
      createEvaluator: [model, { normalization, batchSize: 1, engine: 'eager', classNames: ['a', 'b'] }],
      deleteAdapter: [adapted, 'unknown'],
      disableAdapters: [adapted],
      enableAdapters: [adapted],
      evaluate: [model, dataset, { normalization }],
      graphModelLayer: [model, {}],
      injectLora: [model, { rank: 1 }, {}],
      loadPeft: [model, nowhere, {}],
      loadTensorFlow: [{ device: 'js', threads: 1, onNotice: () => {} }],
      loraSummary: [adapted],
      loraTargets: [model],
      mergeLora: [adapted],
      openRun: [nowhere, '/'],
      predictWithAdapters: [adapted, tf.zeros([1, 4]), ['default']],
      savePeft: [adapted, nowhere, {}],
      setActiveAdapters: [adapted, ['default']],
      setAdapterStrength: [adapted, 1],
      train: [{ task, engine, sampler: data.shuffledSampler(sampler), steps: 1 }],
      trainToEnd: [{ task, engine, sampler: data.shuffledSampler(sampler), steps: 1 }],
      trainingTask: [{ ...taskOptions, data: trainingData }],
      unloadLora: [adapted],
      verify: [{ base: model, model: adapted, inputs: [tf.zeros([1, 4])], baseHash: '' }],
    },
  },
};
