import { Option } from 'commander';
import { parseDuration } from './parse-duration';

/** An option that takes a duration, and says its default in the unit that a user would type: seconds. */
export function durationOption(flags: string, description: string, defaultMs: number): Option {
  return new Option(flags, description)
    .argParser(parseDuration)
    .default(defaultMs, `${defaultMs / 1000}`);
}
