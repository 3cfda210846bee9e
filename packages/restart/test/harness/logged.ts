import type { Service } from './service';

/** Waits until a process of the service, or its supervisor, has written this to its log. */
export function logged(service: Service, text: string | RegExp): Promise<string> {
  const find = (): string | undefined => {
    if (typeof text === 'string') return service.err.includes(text) ? text : undefined;
    return text.exec(service.err)?.[0];
  };
  return service.when(`'${String(text)}' in the log`, find);
}
