/** Names come from anywhere: none may begin a new line, be a command to the terminal, or turn the order of what follows. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\uFFFD');
}
