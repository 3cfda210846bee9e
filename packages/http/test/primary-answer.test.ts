import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './run-program';

const CHILD = `
  const { writeFileSync } = require('node:fs');
  const { whenPrimaryAnswers } = require('./dist/primary-answer');
  let left = 4;
  const say = (text) => {
    process.stdout.write(text + '\\n');
    if (--left === 0) process.disconnect();
  };
  process.on('message', (text, handle) => {
    handle.close();
    say(text);
  });
  whenPrimaryAnswers(10_000, () => say('answered'));
  writeFileSync(process.env.TEST_FOLDER + '/asked', '');`;

const parent = (whenAsked: string): string => `
  const { existsSync } = require('node:fs');
  const { createServer } = require('node:net');
  const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(CHILD)}], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const asked = process.env.TEST_FOLDER + '/asked';
  for (const end = performance.now() + 10_000; performance.now() < end && !existsSync(asked); );
  ${whenAsked}
  child.on('exit', (code) => {
    say('exit ' + code);
    process.exit(0);
  });`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'primary-answer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the answer of a primary', () => {
  it('comes after all that it had sent by then, also handles that wait for the confirmation of others', async () => {
    const program = runProgram(
      parent(`
        const handle = () => createServer().listen(0)._handle;
        for (const text of ['one', 'two', 'three']) child.send(text, handle());`),
      { TEST_FOLDER: folder },
    );
    expect((await program.ended).out).toBe('one\ntwo\nthree\nanswered\nexit 0\n');
  });

  it('is not missed when there will be none, and nothing is left of the question', async () => {
    const program = runProgram(parent('child.disconnect();'), { TEST_FOLDER: folder });
    expect((await program.ended).out).toBe('answered\nexit 0\n');
  });
});
