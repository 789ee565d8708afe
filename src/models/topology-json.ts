import { CheckpointError } from '../errors.ts';
import { toKeras2, UnsupportedTopologyError } from './keras3.ts';

/** The structure of a LayersModel as JSON, in the form that `tf.models.modelFromJSON` reads. */
export interface TopologyJson {
  readonly class_name: string;
  readonly config: object;
}

/** What a model.json contains. */
export interface ModelJson {
  readonly topology: TopologyJson;
  /** Version of the Keras that wrote it, such as '3.3.3'; undefined if it is not recorded. */
  readonly kerasVersion?: string;
  /** Descriptions of the weight files, not yet checked; undefined for a topology alone. */
  readonly weightsManifest?: unknown;
}

/** JSON that contains JSON as text, as often as it occurs: `json.dump(model.to_json(), file)` wraps it once. */
const MAX_WRAPPINGS = 3;

/**
 * Reads the content of a model.json: of a tfjs model, of `model.to_json()` in Keras 2 or 3, or a topology alone. Parts that
 * are JSON as text are parsed, and what only Keras 3 writes is turned into the form of Keras 2.
 *
 * @param path for messages
 * @throws CheckpointError if the content does not describe a LayersModel, or has parts of Keras 3 that tfjs lacks
 */
export function parseModelJson(path: string, content: unknown): ModelJson {
  const root = unwrap(content);
  const outer = unwrap(root?.modelTopology ?? root);
  const inner = unwrap(outer?.model_config ?? outer);
  if (root?.format === 'graph-model' || Array.isArray(outer?.node)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: a GraphModel, which cannot become a run; adapt it in a program, or convert the Keras model as a LayersModel (tfjs_layers_model)`,
    );
  }
  const className = inner?.class_name ?? inner?.className;
  if (typeof className !== 'string' || typeof inner?.config !== 'object' || inner.config === null) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: does not describe a LayersModel; use the model.json of a tfjs LayersModel`,
    );
  }
  const version = [outer?.keras_version, root?.generatedBy, root?.keras_version]
    .filter((text) => typeof text === 'string')
    .map((text) => /\d+\.\d+(\.\d+)?/.exec(text)?.[0])
    .find(Boolean);
  try {
    return {
      topology: toKeras2({ class_name: className, config: inner.config }) as unknown as TopologyJson,
      kerasVersion: version,
      weightsManifest: root?.weightsManifest,
    };
  } catch (error) {
    if (!(error instanceof UnsupportedTopologyError)) throw error;
    throw new CheckpointError('invalid-checkpoint', `${path}: ${error.message}`, { cause: error });
  }
}

/** An object, parsed from text if it is JSON as text; undefined for anything else. */
function unwrap(value: unknown): Record<string, unknown> | undefined {
  let content = value;
  for (let depth = 0; typeof content === 'string' && depth < MAX_WRAPPINGS; depth++) {
    try {
      content = JSON.parse(content);
    } catch {
      return undefined;
    }
  }
  return typeof content === 'object' && content !== null && !Array.isArray(content)
    ? (content as Record<string, unknown>)
    : undefined;
}
