import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { openInspector } from '../../src/profile/inspector-connection';

describe('call() of a session with its own thread', () => {
  it("has V8's answer before it returns", async () => {
    const connection = openInspector();
    await connection.post('Profiler.enable');
    await connection.post('Profiler.start');
    await connection.post('HeapProfiler.startSampling', { samplingInterval: 1024 });
    const cpu = connection.call<{ profile: { nodes: unknown[] } }>('Profiler.stop');
    const heap = connection.call<{ profile: { head: object } }>('HeapProfiler.stopSampling');
    connection.close();
    expect(cpu.profile.nodes.length).toBeGreaterThan(0);
    expect(heap.profile.head).toMatchObject({ children: expect.any(Array) });
  });

  it('throws what V8 refuses, as an error', () => {
    const connection = openInspector();
    expect(() => connection.call('Profiler.stop')).toThrow(/No recording profiles found/);
    connection.close();
    expect(() => connection.call('Profiler.stop')).toThrow(/not connected/);
  });

  it('has it also where the loop never turns again: in an exit handler, and in promises that starve it', () => {
    const source = `
      const { openInspector } = require('./dist/profile/inspector-connection.js');
      const { writeSync } = require('node:fs');
      const connection = openInspector();
      const stop = () => connection.call('Profiler.stop').profile.nodes.length > 0;
      const start = () => { connection.post('Profiler.start'); };
      connection.post('Profiler.enable');
      start();
      (async () => {
        for (let i = 0; i < 1000; i++) await null;
        writeSync(1, 'promises ' + stop() + '\\n');
        start();
        process.on('exit', () => writeSync(1, 'exit ' + stop() + '\\n'));
        process.exit();
      })();`;
    const cwd = join(__dirname, '../..');
    const { stdout } = spawnSync(process.execPath, ['-e', source], { cwd, encoding: 'utf8' });
    expect(stdout).toBe('promises true\nexit true\n');
  });
});
