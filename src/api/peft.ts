/** The entry point `tfjs-lora/peft`: adapters in PEFT's format. */
export { type LoadPeftOptions, loadPeft, type SavePeftOptions, savePeft } from '../peft/index.ts';
