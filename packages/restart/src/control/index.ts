// For everybody: a socket over which `lastcall` talks to this process.

export { type Control, type ControlOptions, startControl } from './start-control';

// For tools: the protocol, and where the sockets are.

export {
  type ControlAddress,
  controlDirectory,
  controlName,
  controlPath,
  listControls,
} from './control-address';
export {
  type ControlHandler,
  type ControlServer,
  isServed,
  serveControl,
} from './control-server';
export { makePrivateDirectory } from './private-directory';
export type {
  CommandResults,
  ControlReply,
  ControlRequest,
  DumpAnswer,
  MainThreadState,
  OtherWorkerStatus,
  ProcessStatus,
  ProfileAnswer,
  ReloadAnswer,
  ServingWorker,
  SupervisorStatus,
  SupervisorStop,
  WorkerStatus,
  WorkerStop,
} from './protocol';
