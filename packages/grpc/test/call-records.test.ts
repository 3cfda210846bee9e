import type { ServerHttp2Stream } from 'node:http2';
import { CallRecord } from '../src/call';
import { CallRecords } from '../src/call-records';

const record = (): CallRecord => new CallRecord('/test.Calls/Unary', 'unary');

describe('CallRecords', () => {
  it('keeps the record of every open call, and few of those that are over', () => {
    const open = new Map<number, ServerHttp2Stream>();
    const records = new CallRecords(open);
    const begun = new Map<number, CallRecord>();
    const begin = (id: number): void => {
      open.set(id, {} as ServerHttp2Stream);
      const one = record();
      begun.set(id, one);
      records.add(id, one);
    };
    for (let id = 1; id < 200; id += 2) begin(id);
    const long = [...open.keys()].filter((id) => id % 20 === 1);
    for (const id of open.keys()) expect(records.get(id)).toBe(begun.get(id));
    for (const id of [...open.keys()]) if (!long.includes(id)) open.delete(id);
    for (let id = 201; id < 20_000; id += 2) {
      begin(id);
      open.delete(id);
    }
    for (const id of long) expect(records.get(id)).toBe(begun.get(id));
    expect(records.size).toBeLessThanOrEqual(32 + Math.max(16, long.length * 2) + 1);
    expect(records.get(undefined)).toBeUndefined();
  });
});
