// The same as `bare`, in another process: what it differs by is the noise of the measurement.
export { tool } from './bare';
