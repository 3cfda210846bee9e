// Preloaded into an example by the tests: every server listens on a port of its own instead of the one in the text, and
// says on fd 3 which, and when a request reaches it.
const { subscribe } = require('node:diagnostics_channel');
const { writeSync } = require('node:fs');
const { Server } = require('node:net');

const tell = (event) => writeSync(3, `${JSON.stringify(event)}\n`);

const { listen } = Server.prototype;
Server.prototype.listen = function listenAnywhere(options, ...rest) {
  this.once('listening', () => tell({ port: this.address().port }));
  const anywhere = typeof options === 'object' ? { ...options, port: 0 } : 0;
  return listen.call(this, anywhere, ...rest);
};

subscribe('http.server.request.start', ({ request }) => tell({ request: request.url }));
