/** The oldest glibc that TensorFlow's libraries run with. */
const OLDEST_GLIBC = [2, 27] as const;

/** What TensorFlow's libraries need of a machine. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Version of glibc, such as 2.36; empty if the system has another C library. */
  readonly glibc: string;
}

/** Why TensorFlow's libraries cannot run on a machine, and what to use; undefined if they can. */
export function platformProblem({ platform, arch, glibc }: Machine = thisMachine()): string | undefined {
  if (platform !== 'linux' || arch !== 'x64') {
    const advice =
      platform === 'win32' ? 'use WSL 2' : platform === 'linux' ? 'use an x64 machine' : 'use Linux on x64';
    return `TensorFlow's libraries need Linux on x64, and this is ${platform} on ${arch}; ${advice}`;
  }
  if (glibc === '') {
    return "TensorFlow's libraries need glibc, which this Linux does not have (Alpine?); use a Debian, Ubuntu or Fedora image";
  }
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_GLIBC;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    return `TensorFlow's libraries need glibc ${OLDEST_GLIBC.join('.')} or newer, and this system has ${glibc}; use a newer one`;
  }
  return undefined;
}

function thisMachine(): Machine {
  const { platform, arch } = process;
  return { platform, arch, glibc: platform === 'linux' ? glibcVersion() : '' };
}

function glibcVersion(): string {
  Object.assign(process.report, { excludeNetwork: true }); // looking up host names can take seconds
  const report = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime ?? '';
}
