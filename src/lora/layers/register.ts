import type { LoraMethod } from '../config.ts';
import { denseKind, denseViewKind } from './dense-kind.ts';
import type { LayerKind } from './kind.ts';
import { kernelName, registerLoraClass } from './make-lora-class.ts';

type Kinds = Partial<Record<LoraMethod, LayerKind>>;

/** Classes of tfjs that can be adapted. Those without a kind have no low-rank form and can only be trained whole. */
export const ADAPTABLE: Readonly<Record<string, Kinds>> = {
  Dense: { side: denseKind, weight: denseKind, 'weight-view': denseViewKind },
};

for (const [name, kinds] of Object.entries(ADAPTABLE)) registerLoraClass(name, kinds);

export { kernelName };
