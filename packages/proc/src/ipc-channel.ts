import type { Remover } from './environment';

/** The part of `process.channel` that keeps the event loop alive while somebody listens for messages. */
interface CountedChannel {
  refCounted?(): void;
  unrefCounted?(): void;
}

/** Listens on the IPC channel. That must not be what keeps the process alive; other listeners still may. */
export function onChannel(
  event: 'message' | 'disconnect',
  listener: (value: unknown) => void,
): Remover {
  const channel = process.channel as unknown as CountedChannel;
  process.prependListener(event as 'message', listener);
  channel.unrefCounted?.();
  return () => {
    if (process.channel !== undefined) channel.refCounted?.();
    process.off(event, listener);
  };
}
