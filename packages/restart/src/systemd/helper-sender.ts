import type { RestartEnvironment } from '../restart-environment';
import type { NotifySender } from '../settings';

/** How long the program may take: it waits until systemd has read what it sent. In milliseconds. */
const DEADLINE_MS = 5000;

/**
 * Sends datagrams by the program `systemd-notify`. Unless this process is root they carry the pid of that program, so the
 * unit needs `NotifyAccess=all`.
 */
export function createHelperSender(environment: RestartEnvironment, path: string): NotifySender {
  return (datagram) =>
    new Promise<void>((resolve, reject) => {
      const child = environment.spawn('systemd-notify', datagram.split('\n'), {
        stdio: 'ignore',
        env: { PATH: environment.env('PATH') ?? '/usr/bin:/bin', NOTIFY_SOCKET: path },
      });
      const cancel = environment.setTimer(() => child.kill('SIGKILL'), DEADLINE_MS);
      child.once('error', (error) => {
        cancel();
        reject(error);
      });
      child.once('exit', (code, signal) => {
        cancel();
        if (code === 0) resolve();
        else reject(new Error(`systemd-notify ended with ${signal ?? `exit code ${code}`}`));
      });
    });
}
