/** What the page uses in place of `@tensorflow/tfjs`: its core and layers, without converter, data and backends. */
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { version_core } from '@tensorflow/tfjs-core';

export * from '@tensorflow/tfjs-core';
export * from '@tensorflow/tfjs-layers';

export const version = { tfjs: version_core, 'tfjs-core': version_core };

/** Never created here. The library tests whether a value is one. */
export class GraphModel {}
