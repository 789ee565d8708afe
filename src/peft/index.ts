export { CONFIG_FILE, WEIGHTS_FILE } from './format.ts';
export {
  type LoadPeftFilesOptions,
  loadPeftFiles,
  type PeftFiles,
  type PeftFilesOptions,
  peftFiles,
} from './in-memory.ts';
export { type LoadPeftOptions, loadPeft } from './load.ts';
export { type SavePeftOptions, savePeft } from './save.ts';
