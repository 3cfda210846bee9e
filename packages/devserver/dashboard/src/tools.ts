import { pagePart, setText } from './page-part.js';
import type { Result } from './result.js';
import { createResultDialog } from './result-dialog.js';
import { createResultList } from './result-list.js';
import type { Status } from './status.js';
import { createTool, type ToolRequest } from './tool.js';

/** The buttons that ask the process to explain itself. */
export interface Tools {
  /** Whose name the files get. */
  setProcess(process: Status['process']): void;
  /** Says that a profile runs that was not started here. */
  setProfiling(isProfiling: boolean): void;
}

/** Wires dump, CPU profile and heap profile to the list and the dialog. */
export function createTools(): Tools {
  const show = createResultDialog();
  const add = createResultList(show);
  const note = pagePart('profiling', HTMLElement);
  let name = 'process';

  function keep(kind: Result['kind'], extension: string) {
    return (content: Blob, { seconds }: ToolRequest): void => {
      const takenAt = new Date();
      const fileName = fileNameOf(name, kind, takenAt, extension);
      const result = { kind, seconds, takenAt, process: name, fileName, content };
      add(result);
      void show(result);
    };
  }

  createTool({
    id: 'tool-dump',
    request: (form) => ({
      path: `debug/dump?format=text&awaits=${form.get('awaits')}`,
      seconds: null,
    }),
    done: keep('dump', 'txt'),
  });
  createTool({
    id: 'tool-cpu',
    request: (form) => measured('debug/pprof/profile', 'cpuprofile', form),
    done: keep('cpu profile', 'cpuprofile'),
  });
  createTool({
    id: 'tool-heap',
    request: (form) => measured('debug/pprof/heap', 'heapprofile', form),
    done: keep('heap profile', 'heapprofile'),
  });

  return {
    setProcess: (process) => {
      name = `${process.name} ${process.pid}`;
    },
    setProfiling: (isProfiling) =>
      setText(note, isProfiling ? 'The process takes a profile of its own (SIGUSR2).' : ''),
  };
}

function measured(path: string, format: string, form: FormData): ToolRequest {
  const seconds = Number(form.get('seconds'));
  return { path: `${path}?seconds=${seconds}&format=${format}`, seconds };
}

/** `orders-4242-cpu-profile-20260314T093307Z.cpuprofile`. */
function fileNameOf(name: string, kind: string, takenAt: Date, extension: string): string {
  const time = takenAt.toISOString().replace(/[-:]|\.\d+/g, '');
  return `${`${name}-${kind}`.replace(/[^\w.-]+/g, '-')}-${time}.${extension}`;
}
