type Handler = (argument: never) => unknown;

/** The options that the process of the bench started this one with. */
export function optionsFromParent<Options>(): Options {
  return JSON.parse(process.argv[2] as string) as Options;
}

/** Answers the questions of the process that started this one; see `child.ts` for its side. */
export function answerParent(handlers: Readonly<Record<string, Handler>>): void {
  process.on('message', (message) => {
    const { question, argument } = message as { question: string; argument: never };
    void answer(handlers, question, argument);
  });
  // The server under test must be able to end by itself, and must end when the bench does.
  process.channel?.unref();
  process.on('disconnect', () => process.exit(0));
}

async function answer(
  handlers: Readonly<Record<string, Handler>>,
  question: string,
  argument: never,
): Promise<void> {
  try {
    const handler = handlers[question];
    if (handler === undefined) throw new Error(`no answer to '${question}'`);
    process.send?.({ answer: (await handler(argument)) ?? null });
  } catch (error) {
    process.send?.({ error: (error as Error).stack });
  }
}
