export type { DevserverOptions, MetricsSource } from './devserver-options';
export { type Devserver, startDevserver } from './start-devserver';
