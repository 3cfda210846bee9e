import { Ledger } from '../../src/drain/ledger';

interface Work {
  readonly name: string;
}

const below = (): void => {};

describe('Ledger', () => {
  it('lists what is in flight in the order of the begin, whatever came before', () => {
    const ledger = new Ledger<Work>('test', false);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => ({ name })) as [Work, Work, Work];
    const names = (): string => [...ledger.pending()].map(([{ name }]) => name).join('');
    for (const work of [a, b, c]) ledger.begin(work);
    ledger.end(a);
    ledger.begin(a);
    expect(names()).toBe('bca');
    ledger.end(c);
    expect(names()).toBe('ba');
    ledger.begin(b);
    ledger.end(c);
    expect([names(), ledger.entries.size, ledger.has(c)]).toEqual(['ba', 2, false]);
  });

  it('begins anew on a connection that was lost, or was a leak', () => {
    const ledger = new Ledger<Work>('test', false);
    const work = { name: 'a' };
    ledger.begin(work);
    ledger.lost(work, 'outcome unknown');
    expect([ledger.isQuiet, ledger.entries.size]).toEqual([true, 1]);
    ledger.end(work);
    ledger.begin(work);
    const [[, entry] = []] = ledger.pending();
    expect(entry).toMatchObject({ isLost: false, isLeaked: false });
    expect(ledger.isQuiet).toBe(false);
    ledger.end(work);
    expect([ledger.isQuiet, ledger.entries.size]).toEqual([true, 0]);
  });

  it('does not keep work that is over, however much there was', () => {
    const ledger = new Ledger<Work>('test', false);
    const kept = { name: 'kept' };
    ledger.begin(kept);
    for (let i = 0; i < 1000; i++) {
      const work = { name: String(i) };
      ledger.begin(work);
      ledger.end(work);
    }
    expect(ledger.has(kept)).toBe(true);
    expect(ledger.spare).toBeLessThanOrEqual(64);
  });

  it('lets a waiter leave once, and cuts those that wait', () => {
    const ledger = new Ledger<Work>('test', false);
    const cut: string[] = [];
    const enqueue = (name: string) => ledger.enqueue(() => cut.push(name), below);
    const [a, b, c] = [enqueue('a'), enqueue('b'), enqueue('c')];
    expect([ledger.leave(b), ledger.leave(b), ledger.waiters.size]).toEqual([true, true, 2]);
    ledger.cutWaiters(new Error('cut'));
    expect([cut, ledger.leave(a), ledger.leave(c), ledger.isQuiet]).toEqual([
      ['a', 'c'],
      false,
      false,
      true,
    ]);
  });
});
