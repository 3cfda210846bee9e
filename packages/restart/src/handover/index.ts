// For supervisors: the protocol between a generation and whoever starts it.

export { createProcessRestartEnvironment } from '../process-restart-environment';
export type { RestartEnvironment } from '../restart-environment';
export { DEFAULT_SETTINGS, type RestartSettings } from '../settings';
export { removePath } from '../sockets/unix-path';
export { type StartCommand, startCommandOf } from '../start-command';
export { takeActivatedSockets } from '../systemd/activated-sockets';
export { type NotifierParts, SystemdNotifier } from '../systemd/systemd-notifier';
export { ControlChannel } from './control-channel';
export {
  type GenerationEnd,
  type GenerationOptions,
  GenerationProcess,
  type SocketToPass,
  startGeneration,
} from './generation-process';
export {
  type Ancestor,
  type AskedAddress,
  type BoundMessage,
  type DownMessage,
  HANDOVER_VARIABLE,
  HANDOVER_VERSION,
  type Handover,
  type PassedSocket,
  type SocketKind,
  type SocketRecord,
  type Topology,
  type UpMessage,
} from './handover';
