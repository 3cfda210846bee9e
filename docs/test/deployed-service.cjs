// The program that the files in docs/deploy start as dist/main.js: says what it does in lines of JSON on stdout.
const { createServer } = require('node:http');
const { proc } = require('@lastcall/proc');
const { attachHttp, healthHandler } = require('@lastcall/http');
const { restart } = require('@lastcall/restart');

const say = (event) =>
  console.log(JSON.stringify({ pid: process.pid, generation: restart.generation, ...event }));
proc.events.on('upgrade', ({ step, pid }) => say({ step, successor: pid }));
proc.events.on('warning', ({ error }) => say({ warning: error.code, message: error.message }));

async function main() {
  say({ begun: true, cwd: process.cwd() });
  const health = healthHandler();
  const server = createServer((request, response) =>
    health(request, response, () => response.end(`${restart.generation}:${process.pid}`)),
  );
  attachHttp(server, { name: 'web' });
  const port = Number(process.env.PORT ?? 0);
  say({ bound: await restart.listen(server, { name: 'web', port, host: '127.0.0.1' }) });
  await restart.ready();
  say({ ready: true });
}

main().catch((error) => {
  say({ failed: String(error) });
  process.exit(1);
});
