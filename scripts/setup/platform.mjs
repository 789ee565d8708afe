/** The oldest glibc for which TensorFlow's libraries are built. */
const OLDEST_GLIBC = [2, 27];

/**
 * Why TensorFlow's own libraries cannot run on this machine, or undefined where they can.
 *
 * @param {{ platform?: string, arch?: string, glibc?: string }} [machine] `glibc` is '' where there is none
 * @returns {string | undefined}
 */
export function nativeObstacle({
  platform = process.platform,
  arch = process.arch,
  glibc = glibcVersion(),
} = {}) {
  if (platform !== 'linux' || arch !== 'x64') {
    const hint = platform === 'win32' ? '; in WSL 2 they run' : '';
    return `TensorFlow's libraries are for Linux on x64, and this is ${platform} on ${arch}${hint}`;
  }
  if (glibc === '') {
    return "TensorFlow's libraries need glibc, and this Linux has another C library (Alpine?); use a Debian, Ubuntu or Fedora image";
  }
  const [major = 0, minor = 0] = glibc.split('.').map(Number);
  const [oldMajor = 0, oldMinor = 0] = OLDEST_GLIBC;
  if (major < oldMajor || (major === oldMajor && minor < oldMinor)) {
    return `TensorFlow's libraries need glibc ${OLDEST_GLIBC.join('.')} or newer, and this system has ${glibc}`;
  }
  return undefined;
}

function glibcVersion() {
  if (process.platform !== 'linux') return '';
  Object.assign(process.report, { excludeNetwork: true }); // looking up host names can take seconds
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return report.header.glibcVersionRuntime ?? '';
}
