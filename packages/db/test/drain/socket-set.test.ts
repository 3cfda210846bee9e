import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '../../../../tools/eventually';
import { SocketSet } from '../../src/drain/socket-set';

describe('the sockets of a pool', () => {
  it('are not kept beyond their end, also where the driver has taken all listeners away', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const sockets = new SocketSet();
    const closed = closedSocket(sockets);
    sockets.add(new Socket());
    const isGone = await eventually(
      async () => {
        await nextTurn();
        gc();
        return closed.deref() === undefined;
      },
      (gone) => gone,
    );
    expect(isGone).toBe(true);
    sockets.destroy();
  });
});

/** One that has closed, and that only `sockets` may know. */
function closedSocket(sockets: SocketSet): WeakRef<Socket> {
  const socket = new Socket();
  sockets.add(socket);
  socket.removeAllListeners();
  socket.destroy();
  return new WeakRef(socket);
}
