// For everybody: servers of the process's lifecycle, and its health checks.

export { type AttachHttpOptions, attachHttp, type HttpHandle } from './attach-http';
export type { ConnectionState, HttpConnections } from './connection-state';
export type { CutRequest, CutState } from './cut-request';
export { drainSignal } from './drain-signal';
export { type HealthHandler, type HealthHandlerOptions, healthHandler } from './health-handler';
export type { HttpDrainOptions, UpgradedConnection } from './http-drain-options';
export type { HttpLimits } from './http-limits';
export type { HttpServer } from './http-server';
export type { DrainResult } from './stop';

// For tests and embedding: the engine, which needs no lifecycle.

export { createHttpDrain, type HttpDrain } from './http-drain';
