// For everybody: servers of the process's lifecycle, and serving on a socket of our own.

export { type AttachGrpcOptions, attachGrpc, type GrpcHandle } from './attach-grpc';
export type { CallKind, CallState } from './call';
export { type CancellableCall, callSignal } from './call-signal';
export type { CutCall } from './cut-call';
export { drainSignal } from './drain-signal';
export type { GrpcDrainOptions, StreamingCall } from './grpc-drain-options';
export type { GrpcServer } from './grpc-server';
export type { GrpcHealth } from './health-status';
export { type GrpcListener, type InjectableServer, type ServeOptions, serve } from './serve';
export type { DrainResult } from './stop';

// For tests and embedding: the engine, which needs no lifecycle.

export { createGrpcDrain, type GrpcDrain, type GrpcStopOptions } from './grpc-drain';
