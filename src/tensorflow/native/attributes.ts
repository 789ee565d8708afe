import type { Binding, RawAttribute } from './backend.ts';
import { type DataType, dataTypeCodes, dataTypeOf, type HostTensor } from './dtypes.ts';

/**
 * An attribute of an op, such as `transpose_a: { bool: true }`. The key is its kind, as in TensorFlow's
 * attr_value.proto.
 *
 * Recorded programs, graphs and `runOp` all use this form. `rawAttributes` and `parseRawAttributes` convert
 * it to the form of tfjs-node's addon and back.
 */
export type Attribute =
  | { readonly string: string }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly type: DataType }
  | { readonly shape: readonly number[] }
  | { readonly shapes: readonly (readonly number[])[] }
  | { readonly strings: readonly string[] }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly bools: readonly boolean[] }
  | { readonly types: readonly DataType[] };

export type Attributes = Readonly<Record<string, Attribute>>;

/** An attribute of a node in a graph. The value of a `Const` node is one too. */
export type NodeAttribute = Attribute | { readonly tensor: HostTensor };

/** Converts attributes to the addon's form. Supports what callers of `runOp` need: types and booleans. */
export function rawAttributes(attributes: Attributes, binding: Binding): RawAttribute[] {
  return Object.entries(attributes).map(([name, attribute]) => {
    if ('type' in attribute) {
      return { name, type: binding.TF_ATTR_TYPE, value: dataTypeCodes[attribute.type] };
    }
    if ('bool' in attribute) return { name, type: binding.TF_ATTR_BOOL, value: attribute.bool };
    throw new Error(`attribute '${name}' is neither a type nor a boolean`);
  });
}

/** Converts attributes that tfjs-node passes to its addon. */
export function parseRawAttributes(attributes: readonly RawAttribute[], binding: Binding): Attributes {
  return Object.fromEntries(
    attributes.map((attribute) => [attribute.name, parseRawAttribute(attribute, binding)]),
  );
}

function parseRawAttribute({ name, type, value }: RawAttribute, binding: Binding): Attribute {
  const list = Array.isArray(value);
  switch (type) {
    case binding.TF_ATTR_STRING:
      return list ? { strings: value } : { string: value as string };
    case binding.TF_ATTR_INT:
      return list ? { ints: value.map(Number) } : { int: Number(value) };
    case binding.TF_ATTR_FLOAT:
      return list ? { floats: value } : { float: value as number };
    case binding.TF_ATTR_BOOL:
      return list ? { bools: value } : { bool: value as boolean };
    case binding.TF_ATTR_TYPE:
      return { type: dataTypeOf(value as number) };
    case binding.TF_ATTR_SHAPE:
      return { shape: [...(value as number[])] };
    default:
      throw new Error(`attribute '${name}' has an unknown kind (${type})`);
  }
}
