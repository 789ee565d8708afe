export { type Canvas, type Color, createCanvas, fitText, LINE_HEIGHT, textWidth } from './canvas.ts';
export { importPictures } from './import.ts';
export { encodePng, type Picture, parsePng, writePng } from './png.ts';
export { classifyImages, type Prediction, type PreparedImage, readImages } from './predict.ts';
export { type ImageSize, prepareDigit } from './prepare.ts';
