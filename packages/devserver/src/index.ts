export {
  assertDevserverOptions,
  type DevserverOptions,
  type MetricsSource,
} from './devserver-options';
export { type Devserver, startDevserver } from './start-devserver';
