import type { AwaitFrame, AwaitGroup } from '@lastcall/proc';
import { awaitTree } from '../src/view/await-tree';

let reads = 0;

/** A frame that counts how often somebody asks for its function. */
function frame(functionName: string, line: number): AwaitFrame {
  return {
    get functionName() {
      reads += 1;
      return functionName;
    },
    file: '/app/orders.js',
    line,
    column: 3,
  } as AwaitFrame;
}

function group(count: number, ...frames: readonly AwaitFrame[]): AwaitGroup {
  return { id: '1', count, frames, waitingOn: [], ageMs: null } as unknown as AwaitGroup;
}

describe('awaitTree()', () => {
  it('says once what groups have in common', () => {
    const main = frame('main', 1);
    const tree = awaitTree([
      group(1, frame('find', 9), main),
      group(5, frame('save', 20), main),
      group(2, frame('find', 9), frame('job', 30)),
    ]);
    const names = tree.map(({ frame: { functionName }, count, children }) => [
      functionName,
      count,
      children.map((child) => `${child.count} ${child.frame.functionName}`),
    ]);
    expect(names).toEqual([
      ['main', 6, ['5 save', '1 find']],
      ['job', 2, ['2 find']],
    ]);
  });

  it('does not compare each of thousands of groups with all the others', () => {
    const groups = Array.from({ length: 3000 }, (_, i) => group(1, frame(`handler${i}`, i)));
    reads = 0;
    expect(awaitTree(groups)).toHaveLength(3000);
    expect(reads).toBeLessThan(10 * groups.length);
  });
});
