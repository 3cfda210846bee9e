import { status } from '@grpc/grpc-js';
import { within } from '../../http/test/harness/deadline';
import { SERVER_KEEPALIVE, timeToPing } from './harness/keepalive';
import { disposeServers, TestServer, unary } from './harness/test-server';

afterEach(disposeServers);

describe('a server that pings its clients', () => {
  it('loses none of the calls that it has when it stops', async () => {
    const test = await TestServer.start({ server: SERVER_KEEPALIVE });
    const call = unary(test.client(), 'slow');
    await test.service.got('unary');
    const stopped = test.beginStop();
    await timeToPing();
    test.service.gate.open();
    expect(await call).toMatchObject({ code: status.OK });
    expect(await within('the stop', stopped)).toMatchObject({ drained: 1, cut: [] });
  });
});
