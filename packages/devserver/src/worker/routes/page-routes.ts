import type { Reply } from '../reply';
import type { Route } from '../route';
import { staticFiles } from '../static-files';

/**
 * The dashboard at `/`, with its files. They hold nothing of the process, so they need no token: the page asks for one.
 * Where the dashboard is missing, a plain page of links.
 */
export function pageRoutes(folder: string): [string, Route][] {
  const files = staticFiles(folder);
  const index = files.get('/index.html') ?? plainPage;
  files.delete('/index.html');
  const others = [...files].map(([path, read]): [string, Route] => [path, fileRoute(read)]);
  return [['/', fileRoute(index)], ...others];
}

function fileRoute(read: () => Reply): Route {
  return { isOpen: true, answer: read };
}

const LINKS = [
  'healthz',
  'livez',
  'readyz',
  'startupz',
  'metrics',
  'debug/status',
  'debug/dump',
  'debug/report',
  'debug/pprof/',
];

function plainPage(): Reply {
  const items = LINKS.map((path) => `<li><a href="${path}">/${path}</a></li>`).join('\n');
  const body = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>devserver</title>
<h1>devserver</h1>
<ul>
${items}
</ul>
</html>
`;
  return { type: 'text/html; charset=utf-8', body };
}
