// Pictures are made smaller by a program. It waits for input that nobody sends, and execFile() waits for it without
// a timeout.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { proc } from '@lastcall/proc';

const run = promisify(execFile);

async function shrink(picture: string): Promise<string> {
  const { stdout } = await run('cat', ['-', picture]); // <- culprit
  return stdout;
}

async function shrinkAll(pictures: readonly string[]): Promise<void> {
  for (const picture of pictures) console.log(await shrink(picture));
}

proc.install();
void shrinkAll(['lamp.jpg', 'table.jpg']);
console.log('up');
