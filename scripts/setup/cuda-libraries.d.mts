export interface CudaLibrary {
  readonly part: string;
  readonly name: string;
  readonly inCuda13?: string;
}

export const cudaLibraries: readonly CudaLibrary[];
