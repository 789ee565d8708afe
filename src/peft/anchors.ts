import type { AdapterTensor } from '../lora/index.ts';

/**
 * PiSSA and OLoRA train A·B - A0·B0 with A0 and B0 as they started. Side by side, [A A0] and [B; -B0] are the same
 * update at twice the rank, as PEFT writes it for the unchanged base (`path_initial_model_for_weight_conversion`).
 * A is [..., rank]; B is [rank, outputs], with axes of size 1 before for a convolution.
 */
export function joinAnchors(parts: ReadonlyMap<string, AdapterTensor>): Map<string, AdapterTensor> {
  const [a, b] = [parts.get('lora_A')!, parts.get('lora_B')!];
  const [initialA, initialB] = [parts.get('initial_A')!, parts.get('initial_B')!];
  const rank = a.shape.at(-1)!;
  const joinedA = new Float32Array(2 * a.values.length);
  for (let row = 0; row * rank < a.values.length; row++) {
    joinedA.set(a.values.subarray(row * rank, (row + 1) * rank), 2 * row * rank);
    joinedA.set(initialA.values.subarray(row * rank, (row + 1) * rank), (2 * row + 1) * rank);
  }
  const joinedB = new Float32Array(2 * b.values.length);
  joinedB.set(b.values);
  joinedB.set(
    initialB.values.map((value) => -value),
    b.values.length,
  );
  const joined = new Map(parts);
  joined.delete('initial_A');
  joined.delete('initial_B');
  return joined
    .set('lora_A', { shape: a.shape.with(-1, 2 * rank), values: joinedA })
    .set('lora_B', { shape: b.shape.with(-2, 2 * rank), values: joinedB });
}

/** Undoes `joinAnchors`. */
export function splitAnchors(parts: ReadonlyMap<string, AdapterTensor>): Map<string, AdapterTensor> {
  const [a, b] = [parts.get('lora_A')!, parts.get('lora_B')!];
  const rank = a.shape.at(-1)! / 2;
  const shapeA = a.shape.with(-1, rank);
  const shapeB = b.shape.with(-2, rank);
  const columns = (first: number) => a.values.filter((_, index) => Math.floor(index / rank) % 2 === first);
  const half = b.values.length / 2;
  return new Map(parts)
    .set('lora_A', { shape: shapeA, values: columns(0) })
    .set('initial_A', { shape: shapeA, values: columns(1) })
    .set('lora_B', { shape: shapeB, values: b.values.slice(0, half) })
    .set('initial_B', { shape: shapeB, values: b.values.slice(half).map((value) => -value) });
}
