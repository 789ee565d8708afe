export { type LoadPeftOptions, loadPeft } from './load.ts';
export { type SavePeftOptions, savePeft } from './save.ts';
