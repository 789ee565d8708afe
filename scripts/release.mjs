// Publishes the package's version if it is not on npm yet. The provenance of a package needs the address of the repository
// that it is built from: that of the workflow.
import { execa } from 'execa';

const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
if (!GITHUB_SERVER_URL || !GITHUB_REPOSITORY) {
  console.error('error: GITHUB_REPOSITORY is not set; releases are published by the workflow release.yml');
  process.exit(1);
}
const url = `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git`;
await execa('npm', ['pkg', 'set', 'repository.type=git', `repository.url=${url}`], { stdio: 'inherit' });
await execa('npx', ['--no-install', 'changeset', 'publish'], { stdio: 'inherit' });
