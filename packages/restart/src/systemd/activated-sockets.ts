import type { PassedSocket } from '../handover/handover';
import type { RestartEnvironment } from '../restart-environment';
import { socketOfInode } from './socket-of-inode';

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_FD = 3;

const VARIABLES = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'];

/**
 * The sockets that systemd has opened for this process, by the names of their units (`FileDescriptorName=`). What says so is
 * taken out of the environment, as processes that this one starts must not believe it.
 */
export function takeActivatedSockets(environment: RestartEnvironment): PassedSocket[] {
  const isMeant = environment.env('LISTEN_PID') === String(environment.pid);
  const count = Number(environment.env('LISTEN_FDS') ?? 0);
  const names = environment.env('LISTEN_FDNAMES')?.split(':') ?? [];
  for (const name of VARIABLES) environment.unsetEnv(name);
  if (!isMeant || !(count > 0)) return [];
  return Array.from({ length: count }, (_, index) =>
    describeSocket(environment, FIRST_FD + index, names[index] ?? 'unknown'),
  ).filter((socket) => socket !== null);
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
