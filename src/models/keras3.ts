import { quote } from '../quote.ts';

/** A part of a model's JSON that tfjs would ignore or misread. */
export class UnsupportedTopologyError extends Error {}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** Nested deeper than any model; deeper JSON would exhaust the stack. */
const MAX_DEPTH = 200;

/** Classes that tfjs knows under another name. */
const CLASS_NAMES: Readonly<Record<string, string>> = {
  LecunNormal: 'LeCunNormal',
  LecunUniform: 'LeCunUniform',
  OrthogonalInitializer: 'Orthogonal',
  IdentityInitializer: 'Identity',
};

/** Keys of Keras 3 that describe how an object is restored, which tfjs does not need. */
const DROPPED_KEYS = new Set([
  'module',
  'registered_name',
  'build_config',
  'compile_config',
  'shared_object_id',
]);

/**
 * Turns a model's JSON as Keras 3 writes it into that of Keras 2, which tfjs reads; JSON of Keras 2 stays as it is. Keras 3
 * renamed `batch_input_shape`, writes dtypes as policies, and connects layers by serialized tensors
 * (keras/src/models/functional.py, keras/src/saving/serialization_lib.py).
 *
 * @throws UnsupportedTopologyError for settings that tfjs ignores although they change the outputs
 */
export function toKeras2(value: object): object {
  return convert(value as JsonObject, 0) as object;
}

function convert(value: Json, depth: number): Json {
  if (depth > MAX_DEPTH) throw new UnsupportedTopologyError(`nested more than ${MAX_DEPTH} levels deep`);
  if (Array.isArray(value)) return value.map((entry) => convert(entry, depth + 1));
  if (!isObject(value)) return value;
  const className = value.class_name ?? value.className;
  if (typeof className !== 'string') return convertEntries(value, depth);
  if (className === 'DTypePolicy') return policyDtype(value);
  const node = convertEntries(value, depth) as Record<string, Json>;
  if (typeof value.class_name === 'string') node.class_name = CLASS_NAMES[className] ?? className;
  if (isObject(node.config)) node.config = convertConfig(className, node.config);
  if (className === 'L1' || className === 'L2') return l1l2(className, node.config as JsonObject);
  if (isKeras3Nodes(value.inbound_nodes)) {
    node.inbound_nodes = value.inbound_nodes.map((call) => inboundNode(call, String(value.name)));
  }
  return node;
}

function convertEntries(value: JsonObject, depth: number): JsonObject {
  const entries = Object.entries(value).filter(([key]) => !DROPPED_KEYS.has(key));
  for (const [key, entry] of entries) if (/initializer$/i.test(key)) requireDrawable(key, entry);
  return Object.fromEntries(entries.map(([key, entry]) => [key, convert(entry, depth + 1)]));
}

/** Rejects an initializer whose standard deviation is not a number: tfjs draws again until a value is within two of them. */
function requireDrawable(key: string, initializer: Json): void {
  const settings = isObject(initializer) && isObject(initializer.config) ? initializer.config : {};
  for (const name of ['mean', 'stddev', 'scale']) {
    const value = settings[name] ?? 0;
    if (Number.isFinite(value) && (name === 'mean' || (value as number) >= 0)) continue;
    throw new UnsupportedTopologyError(`${key}: ${name} is not a valid number (${quote(value)})`);
  }
}

/** Renames what Keras 3 renamed in the configuration of a layer or model. */
function convertConfig(className: string, config: JsonObject): JsonObject {
  const { batch_shape, negative_slope, ...rest } = config;
  const converted: Record<string, Json> = { ...rest };
  if (batch_shape !== undefined) converted.batch_input_shape = batch_shape;
  if (negative_slope !== undefined) {
    // tfjs' ReLU has no slope, and its LeakyReLU would take its own default.
    if (className === 'LeakyReLU') converted.alpha = negative_slope;
    else converted.negative_slope = negative_slope;
  }
  if (className === 'ReLU') requireZero(String(config.name), { negative_slope, threshold: config.threshold });
  if (converted.activation === 'silu') converted.activation = 'swish';
  if (className === 'BatchNormalization' && Array.isArray(converted.axis))
    converted.axis = converted.axis[0]!;
  for (const key of ['input_layers', 'output_layers']) {
    if (converted[key] !== undefined) converted[key] = tensorList(converted[key]);
  }
  return converted;
}

function requireZero(layer: string, settings: Readonly<Record<string, Json | undefined>>): void {
  for (const [key, value] of Object.entries(settings)) {
    if (!value) continue;
    throw new UnsupportedTopologyError(
      `layer '${layer}': ${key} ${JSON.stringify(value)} of a ReLU is not available in tfjs; use a LeakyReLU`,
    );
  }
}

/** `mixed_float16` keeps its weights in float32; tfjs computes in it as well. */
function policyDtype(policy: JsonObject): Json {
  const name = isObject(policy.config) ? policy.config.name : undefined;
  return typeof name === 'string' && name.startsWith('mixed_') ? 'float32' : (name ?? 'float32');
}

/** tfjs has one class for both regularizers. */
function l1l2(className: 'L1' | 'L2', config: JsonObject): JsonObject {
  const factor = (config?.l1 ?? config?.l2 ?? 0.01) as Json;
  return {
    class_name: 'L1L2',
    config: { l1: className === 'L1' ? factor : 0, l2: className === 'L2' ? factor : 0 },
  };
}

/** `[name, node, tensor]`, a list of these, or a record of them, as a list. */
function tensorList(value: Json): Json {
  if (isObject(value)) return Object.values(value);
  return Array.isArray(value) && typeof value[0] === 'string' ? [value] : value;
}

interface Keras3Call extends JsonObject {
  readonly args: readonly Json[];
  readonly kwargs: JsonObject;
}

function isKeras3Nodes(nodes: Json | undefined): nodes is readonly Keras3Call[] {
  return (
    Array.isArray(nodes) &&
    nodes.length > 0 &&
    nodes.every((node) => isObject(node) && Array.isArray(node.args))
  );
}

/** A call of a layer: `[[name, node, tensor, kwargs], ...]`, one entry for each input. */
function inboundNode({ args, kwargs }: Keras3Call, layer: string): Json {
  const [inputs, ...otherArgs] = args;
  const tensors = (Array.isArray(inputs) ? inputs : [inputs]).map(historyOf);
  const settings = Object.entries(kwargs ?? {}).filter(([, value]) => value !== null);
  const isPlain = JSON.stringify([settings, otherArgs]).includes('__keras_tensor__') === false;
  if (tensors.some((tensor) => tensor === undefined) || !isPlain) {
    throw new UnsupportedTopologyError(
      `layer '${layer}': is called with more than a tensor or a list of tensors, which tfjs does not support`,
    );
  }
  return tensors.map((tensor) => [...tensor!, Object.fromEntries(settings)]);
}

function historyOf(tensor: Json | undefined): readonly Json[] | undefined {
  const config = isObject(tensor) && tensor.class_name === '__keras_tensor__' ? tensor.config : undefined;
  const history = isObject(config) ? config.keras_history : undefined;
  return Array.isArray(history) && history.length === 3 ? history : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
