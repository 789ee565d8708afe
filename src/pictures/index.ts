export { importPictures } from './import.ts';
export { type Picture, parsePng, writePng } from './png.ts';
export { classifyImages, type Prediction, type PreparedImage, readImages } from './predict.ts';
export { type ImageSize, prepareDigit } from './prepare.ts';
