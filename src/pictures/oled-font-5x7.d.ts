/** The package brings no types. */
declare module 'oled-font-5x7' {
  const font: {
    readonly width: number;
    readonly height: number;
    /** `width` bytes a character; each byte is a column of pixels, the lowest bit on top. */
    readonly fontData: readonly number[];
    /** The characters, in the order of `fontData`. */
    readonly lookup: readonly string[];
  };
  export default font;
}
