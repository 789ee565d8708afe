export interface SetUpOptions {
  readonly device?: string;
  readonly purpose?: string;
  readonly root?: string;
  note(line: string): unknown;
}

export function setUp(options: SetUpOptions): Promise<void>;
