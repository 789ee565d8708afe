/** The entry point `tfjs-lora/peft-files`: the files of adapters in PEFT's format without a file system, for browsers. */
export {
  type LoadPeftFilesOptions,
  loadPeftFiles,
  type PeftFiles,
  type PeftFilesOptions,
  peftFiles,
} from '../peft/index.ts';
