/** How the PyTorch module that corresponds to a tfjs layer stores one of the layer's weights. */
export interface WeightLayout {
  /** The weight's name in the tfjs layer, such as `kernel`. */
  readonly weight: string;
  /** The parameter's name in the PyTorch module, such as `weight`. */
  readonly parameter: string;
  /** Axis i in PyTorch is axis `axes[i]` in tfjs. Absent if the axes have the same order. */
  readonly axes?: readonly number[];
  /**
   * Whether axis 0 in tfjs indexes features, which PyTorch orders differently after a flattened convolution
   * (`flattenedShape`).
   */
  readonly featuresFirst?: boolean;
  /**
   * Splits the last axis in tfjs into blocks, one for each gate of a recurrent layer: block i in PyTorch is block `gates[i]`
   * in tfjs.
   */
  readonly gates?: readonly number[];
  /** A second parameter, which PyTorch adds to the first. Written as zeros. */
  readonly addend?: string;
  /** Whether this is a depthwise kernel: [h, w, in, multiplier] in tfjs, [in * multiplier, 1, h, w] in PyTorch. */
  readonly depthwise?: boolean;
}
