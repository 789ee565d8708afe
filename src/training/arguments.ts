/** Checks what the public functions of this room are called with, for callers without TypeScript. */
import * as tf from '@tensorflow/tfjs';
import { DataError, UsageError } from '../errors.ts';
import { type DataArray, dataArrays, type TrainingData } from './data.ts';

type Kind = 'object' | 'function' | 'number' | 'whole number';

/**
 * Checks the kinds of an object's properties.
 *
 * @param what names the object in errors
 * @param fields the kind of each property that is required
 * @param advice how to make such an object
 * @throws UsageError that names the first property that is missing or of another kind
 */
export function requireFields(
  what: string,
  value: unknown,
  fields: Readonly<Record<string, Kind>>,
  advice: string,
): void {
  if (typeof value !== 'object' || value === null) {
    throw invalid(`${what}: is ${describe(value)}, not an object; ${advice}`);
  }
  for (const [name, kind] of Object.entries(fields)) {
    const field = (value as Record<string, unknown>)[name];
    if (field === undefined) throw invalid(`${what}: has no '${name}'; ${advice}`);
    if (!isKind(field, kind)) {
      throw invalid(
        `${what}: '${name}' is ${describe(field)}, not a ${kind}`.replace('a object', 'an object'),
      );
    }
  }
}

/** @throws UsageError if `value` is not a whole number of at least 0 */
export function requireWholeNumber(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw invalid(`${what} ${value}: must be a whole number of at least 0`);
}

/**
 * @throws UsageError if `task` is not a training task
 * @throws DataError if an array of its data does not have `rows` examples of its shape
 */
export function requireTask(task: unknown): void {
  const fields = {
    model: 'object',
    loss: 'function',
    data: 'object',
    batchSize: 'whole number',
    optimizer: 'object',
    seed: 'number',
  } as const;
  requireFields('task', task, fields, 'create it with trainingTask or classificationTask');
  requireTrainingData((task as { readonly data: unknown }).data);
}

/** @throws UsageError if the options of `createEngine` are invalid */
export function requireEngineOptions(options: unknown): void {
  const fields = { steps: 'whole number' } as const;
  requireFields('engine options', options, fields, 'pass { steps }, the number of steps that will be run');
  const { stepsPerCall, note } = options as Record<string, unknown>;
  if (stepsPerCall !== undefined && !(isKind(stepsPerCall, 'whole number') && (stepsPerCall as number) > 0)) {
    throw invalid(
      `engine options: 'stepsPerCall' is ${describe(stepsPerCall)}; it must be a whole number of at least 1`,
    );
  }
  if (note !== undefined && typeof note !== 'function') {
    throw invalid(`engine options: 'note' is ${describe(note)}, not a function`);
  }
}

/**
 * @throws UsageError if `data` is not training data
 * @throws DataError if an array does not have `rows` examples of its shape
 */
export function requireTrainingData(data: unknown): void {
  const advice = 'pass { rows, inputs: [{ values, featureShape }], labels: { values, featureShape } }';
  const fields = { rows: 'whole number', inputs: 'object', labels: 'object' } as const;
  requireFields('data', data, fields, advice);
  const { rows, inputs } = data as TrainingData;
  if (!Array.isArray(inputs)) throw invalid(`data: 'inputs' is an object, not a list; ${advice}`);
  for (const { name, array } of dataArrays(data as TrainingData)) requireDataArray(name, array, rows, advice);
}

function requireDataArray(name: string, array: DataArray, rows: number, advice: string): void {
  requireFields(name, array, { values: 'object', featureShape: 'object' }, advice);
  const { values, featureShape } = array;
  if (!(values instanceof Uint8Array || values instanceof Float32Array || values instanceof Int32Array)) {
    throw invalid(
      `${name}: 'values' is ${describe(values)}; it must be a Uint8Array, Float32Array or Int32Array`,
    );
  }
  if (!Array.isArray(featureShape) || featureShape.some((size) => !isKind(size, 'whole number'))) {
    throw invalid(
      `${name}: 'featureShape' is [${featureShape}]; it must be a list of whole numbers, such as [28, 28]`,
    );
  }
  const size = rows * tf.util.sizeFromShape([...featureShape]);
  if (values.length === size) return;
  throw new DataError(
    'invalid-data',
    `${name}: has ${values.length} values, but ${rows} rows of shape [${featureShape}] are ${size}`,
  );
}

function isKind(value: unknown, kind: Kind): boolean {
  if (kind === 'whole number') return Number.isInteger(value) && (value as number) >= 0;
  return typeof value === kind && value !== null;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function invalid(message: string): UsageError {
  return new UsageError('invalid-argument', message);
}
