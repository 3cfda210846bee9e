import type { Lifecycle, ReportEvent } from '@lastcall/proc';
import type { ProcessObserver } from './process-observer';
import type { ServerThread } from './server-thread';

/**
 * Tells the worker of what it must know though it did not ask: it may have to answer while this thread is blocked.
 *
 * @returns what ends that
 */
export function watchLifecycle(
  lifecycle: Lifecycle,
  observer: ProcessObserver,
  thread: ServerThread,
): () => void {
  const tell = (): void => thread.send({ type: 'status', status: observer.glance() });
  const onReport = ({ report }: ReportEvent): void =>
    thread.send({ type: 'report', report: JSON.parse(JSON.stringify(report)) });
  const onProfile = (profiling: boolean) => (): void => {
    observer.profiling = profiling;
    tell();
  };
  const onProfileStart = onProfile(true);
  const onProfileEnd = onProfile(false);
  const { events } = lifecycle;
  events.on('state', tell);
  events.on('report', onReport);
  events.on('profileStart', onProfileStart);
  events.on('profileEnd', onProfileEnd);
  return () => {
    events.off('state', tell);
    events.off('report', onReport);
    events.off('profileStart', onProfileStart);
    events.off('profileEnd', onProfileEnd);
  };
}
