import { redactCommandLine } from '../src/command-line';

describe('redactCommandLine()', () => {
  it.each([
    [['--password=x'], ['--password=***']],
    [
      ['--db-password', 'x', 'y'],
      ['--db-password', '***', 'y'],
    ],
    [
      ['--token', '--verbose'],
      ['--token', '--verbose'],
    ],
    [
      ['node', '-e', '-let secret', '-p', 'x'],
      ['node', '-e', '***', '-p', '***'],
    ],
    [['-pSECRET'], ['-p***']],
    [['-aSECRET=x'], ['-a***']],
    [['-uname:x'], ['-u***']],
    [['-W-x'], ['-W***']],
    [
      ['app.js', '-a', 'x', '-v'],
      ['app.js', '-a', '***', '-v'],
    ],
    [
      ['node', '-pe', 'x', '-r', './y', '-vvv'],
      ['node', '-pe', '***', '-r', './y', '-vvv'],
    ],
    [['API_KEY=x'], ['API_KEY=***']],
    [['--authSecret=a=b'], ['--authSecret=***']],
    [['redis://:x@host/0'], ['redis://:***@host/0']],
    [['--url=amqps://user:x@host:5671/v'], ['--url=amqps://user:***@host:5671/v']],
    [['https://host/?access_token=x&page=2'], ['https://host/?access_token=***&page=2']],
    [
      ['-H', 'Authorization: Bearer x'],
      ['-H', 'Authorization: ***'],
    ],
    [
      ['--header', 'Authorization:x', '-v'],
      ['--header', 'Authorization:***', '-v'],
    ],
    [['--header=Authorization: Basic x'], ['--header=Authorization: ***']],
    [['-HX-Api-Key: x'], ['-HX-Api-Key: ***']],
    [['--header=Proxy: bearer x'], ['--header=Proxy: bearer ***']],
    [
      ['--jwt', 'x', '--api-key=x', '--signature', 'x'],
      ['--jwt', '***', '--api-key=***', '--signature', '***'],
    ],
    [
      ['--connection-string', 'Server=db;Password=x'],
      ['--connection-string', '***'],
    ],
    [['--connectionString=Server=db;Password=x'], ['--connectionString=***']],
    [
      ['--db=Server=db;User=web;Password=x y;Port=1'],
      ['--db=Server=db;User=web;Password=***;Port=1'],
    ],
    [['host=db password=x'], ['host=db password=***']],
    [['--env=API_KEY=x'], ['--env=API_KEY=***']],
    [['--config={"user":"web","password":"x y"}'], ['--config={"user":"web","password":***']],
    [['postgres://web:a/b@c@host/db'], ['postgres://web:***@host/db']],
    [['--url=https://x@host/repo.git'], ['--url=https://***@host/repo.git']],
    [['mongodb+srv://web:x@host/db'], ['mongodb+srv://web:***@host/db']],
    [['web:x@tcp(host:3306)/db'], ['web:***@tcp(host:3306)/db']],
    [
      ['--user', 'web:x', '--proxy-user=web:x'],
      ['--user', '***', '--proxy-user=***'],
    ],
    [
      ['--password', '-x9', '--token', '-v'],
      ['--password', '***', '--token', '-v'],
    ],
    [['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln'], ['***']],
    [
      ['node', 'app.js', '--port', '8080', '--name=web'],
      ['node', 'app.js', '--port', '8080', '--name=web'],
    ],
    [
      ['http://127.0.0.1:6060/', 'postgres://web@host/db', '/srv/app@2.1/main.js', 'a: b'],
      ['http://127.0.0.1:6060/', 'postgres://web@host/db', '/srv/app@2.1/main.js', 'a: b'],
    ],
  ])('%j becomes %j', (given, expected) => {
    expect(redactCommandLine(given)).toEqual(expected);
  });
});
