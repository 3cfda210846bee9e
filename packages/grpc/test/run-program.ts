import { join } from 'node:path';
import { type Program, type ProgramOptions, runProgram as run } from '../../../tools/run-program';

export type { Program } from '../../../tools/run-program';

const PREAMBLE = `
  const grpc = require('@grpc/grpc-js');
  const { proc } = require('@lastcall/proc');
  const { attachGrpc, serve, callSignal, drainSignal } = require('@lastcall/grpc');
  const say = (text) => process.stdout.write(text + '\\n');
  const definition = require('@grpc/proto-loader').loadSync('test/fixtures/calls.proto', { defaults: true });
  const { Calls } = grpc.loadPackageDefinition(definition).test;
  let credentials = grpc.ServerCredentials.createInsecure();
`;

const SERVER = `
  proc.setup({ wrapUpTimeMs: 200, hammerTimeMs: 9000, waitTimeMs: 12000 });
  const makeServer = (name) => {
    const server = new grpc.Server();
    server.addService(Calls.service, {
      unary: (call, callback) => {
        say('got unary ' + call.request.text);
        setTimeout(() => callback(null, { text: name }), call.request.count);
      },
      feed: (call) => {
        say('got feed');
        const timer = setInterval(() => call.write({ text: name, padding: Buffer.alloc(call.request.size) }), 5);
        call.on('cancelled', () => clearInterval(timer));
      },
    });
    return server;
  };
  const up = (server) => server.bindAsync('127.0.0.1:0', credentials, (error, port) => say('port ' + port + '.'));
`;

/**
 * Runs JavaScript as a process of its own on what ships (dist), with the exports of the package, `proc`, `grpc`, `Calls`,
 * `credentials` and `say(text)` in scope.
 */
export function runProgram(source: string, options: ProgramOptions = {}): Program {
  return run(join(__dirname, '..'), PREAMBLE + source, options);
}

/** As {@link runProgram}, with `makeServer(name)`, and `up(server)`, which binds it and says the port. */
export function runServer(source: string, options: ProgramOptions = {}): Program {
  return runProgram(SERVER + source, options);
}
