import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { staticFiles } from '../src/worker/static-files';

describe('staticFiles()', () => {
  it('lists what may be served, and nothing hidden, linked or of an unknown type', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lastcall-'));
    mkdirSync(join(folder, 'assets', '.types'), { recursive: true });
    writeFileSync(join(folder, 'index.html'), '<p>');
    writeFileSync(join(folder, 'assets', 'main.js'), '1');
    writeFileSync(join(folder, 'assets', '.types', 'main.d.js'), '2');
    writeFileSync(join(folder, 'key.pem'), '3');
    writeFileSync(join(folder, '.env.txt'), '4');
    symlinkSync('/etc/hostname', join(folder, 'link.txt'));
    symlinkSync('/etc', join(folder, 'etc'));
    const files = staticFiles(folder);
    expect([...files.keys()].toSorted()).toEqual(['/assets/main.js', '/index.html']);
    expect(files.get('/assets/main.js')?.()).toMatchObject({
      type: 'text/javascript; charset=utf-8',
      body: Buffer.from('1'),
    });
  });

  it('is empty where there is no folder', () => {
    expect(staticFiles('/nowhere/at/all').size).toBe(0);
  });
});
