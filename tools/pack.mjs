// Packs all packages, as they would be published, for a program elsewhere on this machine:
//
//   npm run pack
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, runPnpmQuietly } from './pinned-pnpm.mjs';

const folder = join(root, '.cache', 'packages');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const { status } = runPnpmQuietly(
  '-r',
  '--filter',
  './packages/*',
  'pack',
  '--pack-destination',
  folder,
);
if (status !== 0) process.exit(status || 1);

console.log(`Packed into ${folder}. In the folder of your program:\n`);
printInstall('http');
console.log('\nOr, of the others, those that you want:\n');
for (const name of readdirSync(join(root, 'packages'))) {
  if (name !== 'proc' && name !== 'http') printInstall(name);
}

/** With the packages that it needs in the same command: npm would look for them in its registry. */
function printInstall(name) {
  const files = [...neededBy(name)]
    .sort()
    .map((needed) => join(folder, `lastcall-${needed}-*.tgz`));
  console.log(`npm install ${files.join(' ')}`);
}

function neededBy(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const file = join(root, 'packages', name, 'package.json');
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(file, 'utf8'));
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    if (dependency.startsWith('@lastcall/')) neededBy(dependency.slice('@lastcall/'.length), found);
  }
  return found;
}
