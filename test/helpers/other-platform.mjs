// Loaded with --import: makes a process look like one of the platform in TEST_PLATFORM, such as 'darwin arm64' or
// 'linux x64 musl'. Paths and child processes stay those of this system.
const [platform, arch, libc] = (process.env.TEST_PLATFORM ?? '').split(' ');
Object.defineProperty(process, 'platform', { value: platform });
Object.defineProperty(process, 'arch', { value: arch });
if (libc === 'musl') process.report.getReport = () => ({ header: {} });
