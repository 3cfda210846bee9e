import { type Facts, noFacts } from './facts';

/** What `npm start` would run; empty when that is nothing. */
export function factsOfPackage(text: string, subject: string): Facts[] {
  const { scripts } = JSON.parse(text) as { scripts?: Record<string, string> };
  const start = scripts?.start;
  if (start === undefined) return [];
  const words = start.trim().split(/\s+/);
  const at = words.findIndex((word) => !/^\w+=/.test(word));
  return [{ ...noFacts(`${subject} (start)`, 'file'), command: words.slice(Math.max(0, at)) }];
}
