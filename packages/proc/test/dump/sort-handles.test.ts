import { sortHandles } from '../../src/dump/sort-handles';

describe('sortHandles()', () => {
  it('counts all that a server has accepted, and lists the first of them', () => {
    const [server, other] = [{}, {}];
    const sockets = Array.from({ length: 2000 }, (_, n) => ({
      server: n % 10 === 9 ? other : server,
      _httpMessage: n % 2 === 0 ? {} : null,
    }));
    const { accepted, others } = sortHandles(sockets);
    expect(others).toEqual([]);
    const { count, busyCount, ...first } = accepted.get(server) ?? fail();
    expect({ count, busyCount }).toEqual({ count: 1800, busyCount: 1000 });
    expect(first.sockets).toHaveLength(500);
    expect(first.busy).toHaveLength(500);
    expect(first.busy).toEqual(sockets.filter(isBusy).slice(0, 500));
    expect(accepted.get(other)).toMatchObject({ count: 200, busyCount: 0, busy: [] });
  });

  it('goes on behind what throws at a look', () => {
    const server = {};
    const hostile = {
      get server(): unknown {
        throw new Error('do not look');
      },
    };
    const { accepted, others } = sortHandles([{ server }, hostile, { server }, hostile]);
    expect(accepted.get(server)).toMatchObject({ count: 2 });
    expect(others).toEqual([hostile, hostile]);
  });
});

function isBusy({ _httpMessage: message }: { readonly _httpMessage: object | null }): boolean {
  return message !== null;
}

function fail(): never {
  throw new Error('the server is missing');
}
