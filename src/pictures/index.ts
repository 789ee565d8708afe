export { classifyImages, type Prediction } from './classify.ts';
export { importPictures } from './import.ts';
export { writeMistakes } from './mistakes.ts';
export { normalizeDigit } from './normalize.ts';
export { encodeGreyPng, type ImageSize, type Picture, parsePng } from './png.ts';
export { type InputImage, readImages } from './read-images.ts';
