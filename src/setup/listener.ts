/** Callbacks for the progress of set-up. */
export interface SetUpListener {
  /** Called with one line when a step starts that takes a while. */
  onStep(line: string): void;
  /** Called a few times a second during a download, and once at its end. */
  onDownload?(progress: DownloadProgress): void;
}

export interface DownloadProgress {
  /** Name of the Python package. */
  readonly name: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** A size for people, such as `274 MB` or `3.4 GB`. */
export function sizeText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
