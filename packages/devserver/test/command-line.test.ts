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
      ['node', 'app.js', '--port', '8080', '--name=web'],
      ['node', 'app.js', '--port', '8080', '--name=web'],
    ],
  ])('%j becomes %j', (given, expected) => {
    expect(redactCommandLine(given)).toEqual(expected);
  });
});
