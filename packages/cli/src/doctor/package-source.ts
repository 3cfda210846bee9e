import { type Facts, noFacts } from './facts';

/** What `npm start` would run; empty when that is nothing. */
export function factsOfPackage(text: string, subject: string): Facts[] {
  const { scripts } = JSON.parse(text) as { scripts?: Record<string, string> };
  const start = scripts?.start;
  if (start === undefined) return [];
  return [{ ...noFacts(`${subject} (start)`, 'file'), command: start.split(/\s+/) }];
}
