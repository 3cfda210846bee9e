// Packs all packages, as they would be published, for a program elsewhere on this machine:
//
//   npm run pack
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, runPnpm } from './pinned-pnpm.mjs';

const folder = join(root, '.cache', 'packages');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const { status } = runPnpm('-r', '--filter', './packages/*', 'pack', '--pack-destination', folder);
if (status !== 0) process.exit(status || 1);
const files = ['proc', 'http'].map((name) => join(folder, `lastcall-${name}-*.tgz`));
console.log(`npm install ${files.join(' ')}`);
