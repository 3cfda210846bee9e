export type { ConnectionState, HttpConnections } from './connection-state';
export type { CutRequest, CutState } from './cut-request';
export { drainSignal } from './drain-signal';
export { createHttpDrain, type HttpDrain } from './http-drain';
export type { HttpDrainOptions, UpgradedConnection } from './http-drain-options';
export type { HttpServer } from './http-server';
export type { DrainResult } from './stop';
