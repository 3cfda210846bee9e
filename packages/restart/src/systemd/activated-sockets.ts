import { LastcallError } from '@lastcall/proc';
import type { PassedSocket } from '../handover/handover';
import type { RestartEnvironment } from '../restart-environment';
import { socketOfInode } from './socket-of-inode';

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_FD = 3;

const VARIABLES = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'];

/** More than any unit has; each of them is looked at. */
const MOST = 4096;

/**
 * The sockets that systemd has opened for this process, by the names of their units (`FileDescriptorName=`). What says so is
 * taken out of the environment, as processes that this one starts must not believe it.
 *
 * @throws LastcallError `LASTCALL_SOCKET_INVALID`
 */
export function takeActivatedSockets(environment: RestartEnvironment): PassedSocket[] {
  const isMeant = environment.env('LISTEN_PID') === String(environment.pid);
  const count = isMeant ? countOf(environment.env('LISTEN_FDS') ?? '') : 0;
  const names = environment.env('LISTEN_FDNAMES')?.split(':') ?? [];
  for (const name of VARIABLES) environment.unsetEnv(name);
  return Array.from({ length: count }, (_, index) =>
    describeSocket(environment, FIRST_FD + index, names[index] ?? 'unknown'),
  ).filter((socket) => socket !== null);
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= MOST) return count;
  throw new LastcallError(
    'LASTCALL_SOCKET_INVALID',
    `environment variable LISTEN_FDS must be how many sockets systemd has opened, at most ${MOST}, got '${text}'; unset it where nothing is handed over`,
  );
}

function describeSocket(
  environment: RestartEnvironment,
  fd: number,
  name: string,
): PassedSocket | null {
  const facts = environment.fstat(fd);
  if (facts?.isSocket !== true) return null;
  const found = socketOfInode(environment, facts.inode);
  if (found === null) return null;
  const { kind, address } = found;
  return {
    name,
    kind,
    address,
    asked: kind === 'unix' ? { path: address } : {},
    fd,
    inode: facts.inode,
    pathInode: null,
    activated: true,
    activatedFd: fd,
  };
}
