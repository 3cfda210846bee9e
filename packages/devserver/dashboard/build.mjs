// Lays out dashboard/dist, the tree that the devserver serves as it is: what tsc emitted, the page, uPlot and speedscope.
//
//   node packages/devserver/dashboard/build.mjs      after tsc --build
import { copyFileSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const { resolve } = createRequire(import.meta.url);
const uplot = dirname(resolve('uplot/package.json'));
const speedscope = dirname(resolve('speedscope/package.json'));
const release = join(speedscope, 'dist', 'release');

// The importer for Java flight recordings and the example profile are never asked for: 400 kB.
const NOT_SERVED = /^jfrview|^perf-vertx|^file-format-schema|^release\.txt|\.ico$/;

copy(here, ['index.html'], dist);
copy(here, ['style.css', 'icon.svg'], join(dist, 'assets'));
copy(join(uplot, 'dist'), ['uPlot.iife.min.js', 'uPlot.min.css'], join(dist, 'assets'));
copy(uplot, ['LICENSE'], join(dist, 'assets'), 'uPlot.LICENSE.txt');
copy(
  release,
  readdirSync(release).filter((name) => !NOT_SERVED.test(name)),
  join(dist, 'speedscope'),
);
copy(speedscope, ['LICENSE'], join(dist, 'speedscope'), 'LICENSE.txt');

function copy(from, names, to, newName) {
  mkdirSync(to, { recursive: true });
  for (const name of names) replace(join(from, name), join(to, newName ?? name));
}

/** A rename, so that a server that reads the tree meanwhile sees the old file or the new one. */
function replace(from, to) {
  const half = `${to}.${process.pid}.tmp`;
  copyFileSync(from, half);
  renameSync(half, to);
}
