import type { Binding, RawAttribute } from './backend.ts';
import { type DataType, dataTypeCodes, dataTypeOf, type HostTensor } from './dtypes.ts';

/**
 * An attribute of an op, such as `transpose_a: { bool: true }`. The key names its kind, as in TensorFlow's AttrValue
 * (attr_value.proto). Everything above the addon uses this form; `rawAttributes` and `parseRawAttributes` convert it to and
 * from the addon's form.
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

/** An attribute of a node in a graph, where `Const` holds its value as an attribute too. */
export type NodeAttribute = Attribute | { readonly tensor: HostTensor };

/** Attributes in the addon's form. It takes those kinds only that ops called one by one have needed here. */
export function rawAttributes(attributes: Attributes, binding: Binding): RawAttribute[] {
  return Object.entries(attributes).map(([name, value]) => {
    if ('type' in value) return { name, type: binding.TF_ATTR_TYPE, value: dataTypeCodes[value.type] };
    if ('bool' in value) return { name, type: binding.TF_ATTR_BOOL, value: value.bool };
    throw new Error(`attribute '${name}': only types and booleans are supported`);
  });
}

/** The reverse, for attributes that tfjs-node passes to the addon. */
export function parseRawAttributes(attributes: readonly RawAttribute[], binding: Binding): Attributes {
  return Object.fromEntries(attributes.map((attribute) => [attribute.name, parse(attribute, binding)]));
}

function parse({ name, type, value }: RawAttribute, binding: Binding): Attribute {
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
      throw new Error(`attribute '${name}' has the unknown kind ${type}`);
  }
}
