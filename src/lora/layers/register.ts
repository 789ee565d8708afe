import type { LoraMethod } from '../config.ts';
import {
  conv1dKind,
  conv2dKind,
  conv3dKind,
  depthwiseKind,
  embeddingKind,
  separableKind,
} from './conv-kind.ts';
import { denseKind, denseViewKind } from './dense-kind.ts';
import type { LayerKind } from './kind.ts';
import { registerLoraClass } from './make-lora-class.ts';

type Kinds = Partial<Record<LoraMethod, LayerKind>>;

const both = (kind: LayerKind): Kinds => ({ side: kind, weight: kind });

/** Classes of tfjs that can be adapted. Those without a kind have no low-rank form and can only be trained whole. */
export const ADAPTABLE: Readonly<Record<string, Kinds>> = {
  Dense: { ...both(denseKind), 'weight-view': denseViewKind },
  Conv1D: both(conv1dKind),
  Conv2D: both(conv2dKind),
  Conv3D: both(conv3dKind),
  SeparableConv2D: both(separableKind),
  DepthwiseConv2D: both(depthwiseKind),
  Embedding: both(embeddingKind),
  Conv2DTranspose: {},
  BatchNormalization: {},
  LayerNormalization: {},
  PReLU: {},
};

for (const [name, kinds] of Object.entries(ADAPTABLE)) registerLoraClass(name, kinds);
