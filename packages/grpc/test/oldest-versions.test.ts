import * as grpc from '@grpc/grpc-js';
import { within } from '../../http/test/harness/deadline';
import { createGrpcDrain, serve } from '../src';
import { CallsService } from './harness/calls-service';
import { SERVER_KEEPALIVE, timeToPing } from './harness/keepalive';
import { createClient, ended, message, unary } from './harness/test-server';

// The oldest versions that the package says it works with, for the server; the client is the newest.

type GrpcJs = typeof grpc;

describe.each([
  ['1.10', require('grpc-js-1.10') as GrpcJs],
  ['1.11', require('grpc-js-1.11') as GrpcJs],
])('a server of @grpc/grpc-js %s', (version, { Server, ServerCredentials }) => {
  it.each(['on', 'off'])('is drained, with channelz %s', async (channelz) => {
    const server = new Server({ 'grpc.enable_channelz': channelz === 'on' ? 1 : 0 });
    const service = new CallsService();
    service.addTo(server);
    const drain = createGrpcDrain(server, { streamGraceMs: 50 });
    const credentials = ServerCredentials.createInsecure();
    const port =
      version === '1.10'
        ? await new Promise<number>((resolve) =>
            server.bindAsync('127.0.0.1:0', credentials, (_, bound) => resolve(bound)),
          )
        : ((await serve(server, { credentials, port: 0, host: '127.0.0.1' })).port ?? 0);
    const client = createClient(port);
    const call = unary(client, 'slow');
    await service.got('unary');
    const feed = client.feed({});
    const feedEnd = ended(feed);
    await message(feed);
    const hammer = new AbortController();
    const stopped = drain.stop({ signal: hammer.signal });
    expect(await feedEnd).toMatchObject({ code: grpc.status.UNAVAILABLE });
    service.gate.open();
    expect(await call).toMatchObject({ code: grpc.status.OK });
    expect(await within('the stop', stopped)).toEqual({
      drained: 1,
      ended: 1,
      cut: [],
      errors: [],
    });
    client.close();
    drain.detach();
  });

  it('finishes its calls though it pings its clients', async () => {
    const server = new Server(SERVER_KEEPALIVE);
    const service = new CallsService();
    service.addTo(server);
    const drain = createGrpcDrain(server);
    const port = await new Promise<number>((resolve) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_, bound) =>
        resolve(bound),
      ),
    );
    const client = createClient(port);
    const call = unary(client, 'slow');
    await service.got('unary');
    const stopped = drain.stop({ signal: new AbortController().signal });
    await timeToPing();
    service.gate.open();
    expect(await call).toMatchObject({ code: grpc.status.OK });
    expect(await within('the stop', stopped)).toMatchObject({ drained: 1, cut: [] });
    client.close();
    drain.detach();
  });
});
