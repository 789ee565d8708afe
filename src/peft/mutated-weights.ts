import type { AdapterSettings, AdapterTensor } from '../lora/index.ts';

/**
 * PiSSA, OLoRA and LoRA-GA start with an update A0·B0 that is not zero, and train the difference A·B - A0·B0. PEFT
 * subtracts A0·B0 from the base's weights, and can convert such an adapter for the unchanged base when it saves it
 * (`path_initial_model_for_weight_conversion`, `LoraModel.subtract_mutated_init`): [A A0]·[B; -B0] is the same update
 * with twice the rank. This file has the same conversion, and its reverse.
 */

/**
 * Converts the tensors of such an adapter on one layer to a plain adapter of twice the rank.
 *
 * @param tensors in tfjs' layout: `lora_A` and `initial_A` [..., rank], `lora_B` and `initial_B` [..., rank, out]
 * @returns `lora_A` [..., 2 * rank], `lora_B` [..., 2 * rank, out], and the other tensors as they are
 */
export function subtractInitialUpdate(
  tensors: ReadonlyMap<string, AdapterTensor>,
): Map<string, AdapterTensor> {
  const [a, b] = [tensors.get('lora_A')!, tensors.get('lora_B')!];
  const [initialA, initialB] = [tensors.get('initial_A')!, tensors.get('initial_B')!];
  const rank = a.shape.at(-1)!;
  const rowsA = a.values.length / rank;
  const joinedA = new Float32Array(2 * a.values.length);
  for (let row = 0; row < rowsA; row++) {
    joinedA.set(a.values.subarray(row * rank, (row + 1) * rank), 2 * row * rank);
    joinedA.set(initialA.values.subarray(row * rank, (row + 1) * rank), (2 * row + 1) * rank);
  }
  const joinedB = new Float32Array(2 * b.values.length);
  joinedB.set(b.values);
  joinedB.set(negated(initialB.values), b.values.length);
  const converted = new Map(tensors);
  converted.delete('initial_A');
  converted.delete('initial_B');
  return converted
    .set('lora_A', { shape: a.shape.with(-1, 2 * rank), values: joinedA })
    .set('lora_B', { shape: b.shape.with(-2, 2 * rank), values: joinedB });
}

/**
 * Reverts `subtractInitialUpdate`.
 *
 * @param tensors in tfjs' layout: `lora_A` [..., 2 * rank], `lora_B` [..., 2 * rank, out]
 * @returns `lora_A` and `initial_A` [..., rank], `lora_B` and `initial_B` [..., rank, out], and the others as they are
 */
export function restoreInitialUpdate(
  tensors: ReadonlyMap<string, AdapterTensor>,
): Map<string, AdapterTensor> {
  const [a, b] = [tensors.get('lora_A')!, tensors.get('lora_B')!];
  const rank = a.shape.at(-1)! / 2;
  const shapeA = a.shape.with(-1, rank);
  const shapeB = b.shape.with(-2, rank);
  const columnsOfA = (half: 0 | 1) => a.values.filter((_, index) => Math.floor(index / rank) % 2 === half);
  const half = b.values.length / 2;
  return new Map(tensors)
    .set('lora_A', { shape: shapeA, values: columnsOfA(0) })
    .set('initial_A', { shape: shapeA, values: columnsOfA(1) })
    .set('lora_B', { shape: shapeB, values: b.values.slice(0, half) })
    .set('initial_B', { shape: shapeB, values: negated(b.values.slice(half)) });
}

/** The shapes of the converted tensors, from the shapes of the original ones. */
export function convertedShapes(
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, readonly number[]> {
  const [a, b] = [shapes.get('lora_A')!, shapes.get('lora_B')!];
  const converted = new Map(shapes);
  converted.delete('initial_A');
  converted.delete('initial_B');
  return converted.set('lora_A', a.with(-1, 2 * a.at(-1)!)).set('lora_B', b.with(-2, 2 * b.at(-2)!));
}

/** Rank and alpha of the converted adapter: twice the rank, with an alpha that keeps the scale alpha / rank. */
export function convertedSettings({
  rank,
  alpha,
  rslora,
}: Pick<AdapterSettings, 'rank' | 'alpha' | 'rslora'>): { rank: number; alpha: number } {
  return { rank: 2 * rank, alpha: rslora ? alpha * Math.SQRT2 : alpha * 2 };
}

/** Reverts `convertedSettings`; with rsLoRA, alpha is rounded to the 12 digits that survive the square root of 2. */
export function originalSettings({
  rank,
  alpha,
  rslora,
}: Pick<AdapterSettings, 'rank' | 'alpha' | 'rslora'>): { rank: number; alpha: number } {
  return { rank: rank / 2, alpha: rslora ? Number((alpha / Math.SQRT2).toPrecision(12)) : alpha / 2 };
}

function negated(values: Float32Array): Float32Array {
  return values.map((value) => -value);
}
