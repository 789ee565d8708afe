/** The two files that PEFT saves an adapter in. */
export const CONFIG_FILE = 'adapter_config.json';
export const WEIGHTS_FILE = 'adapter_model.safetensors';

/** The adapter that PEFT saves in the folder itself; others go to subfolders. */
export const DEFAULT_ADAPTER = 'default';

/** The prefix of all tensor names in PEFT's files. */
export const PREFIX = 'base_model.model.';

/** Keys that this library adds to the metadata of the weights file, where PEFT ignores them. */
export const METADATA = {
  /** Content hash of the base that the adapter was trained on. */
  baseHash: 'tfjs_lora_base',
  /** `LoraConfig.method` */
  method: 'tfjs_lora_method',
  /** See `automaticNames`. */
  layers: 'tfjs_lora_layers',
  /** 'true' if `AdapterSettings.subtractsInitialUpdate`: the stored factors are those of `subtractInitialUpdate`. */
  subtractsInitialUpdate: 'tfjs_lora_anchored',
} as const;
