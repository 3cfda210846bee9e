import { nodeOptionsOf, programOf, whatRemains } from './command-line';
import type { Facts } from './facts';
import type { Finding } from './finding';

/** What is wrong with how signals get to the process. */
export function processRules(facts: Facts): Finding[] {
  return [
    ...wrappers(facts),
    ...options(facts),
    ...caught(facts),
    ...pid1(facts),
    ...stopSignal(facts),
  ];
}

/** What stands between whoever sends the signal and Node. */
function wrappers({ command, isShellForm, live, kind }: Facts): Finding[] {
  if (isShellForm) {
    return [
      {
        rule: 'shell-in-front',
        severity: 'problem',
        text: `the command is run by /bin/sh (${(command ?? []).join(' ')}), which does not pass SIGTERM on: the service is killed without a stop`,
        advice: 'the exec form: CMD ["node", "dist/main.js"], or `exec node …` in the script',
      },
    ];
  }
  const chain =
    live === null
      ? command === null || kind !== 'file'
        ? []
        : [whatRemains(command)]
      : inFront(live);
  const findings = chain.flatMap((args) => wrapper(args, live === null));
  return findings.filter(
    ({ rule }, index) => findings.findIndex((other) => other.rule === rule) === index,
  );
}

/** Programs between process 1, or whoever started the service, and the service. */
function inFront({ ancestors }: NonNullable<Facts['live']>): (readonly string[])[] {
  const until = ancestors.findIndex(({ pid, args }) => {
    const { kind } = programOf(args);
    // A shell on which somebody works is no wrapper, nor is what started that.
    return (
      kind === 'init' || kind === 'lastcall' || (kind === 'shell' && pid !== 1 && args.length < 2)
    );
  });
  const chain = until === -1 ? ancestors : ancestors.slice(0, until);
  return chain.map(({ args }) => args);
}

function wrapper(args: readonly string[], isPlanned: boolean): Finding[] {
  const { name, kind } = programOf(args);
  if (kind === 'shell') {
    return [
      {
        rule: 'shell-in-front',
        severity: isPlanned && args.includes('-c') ? 'problem' : 'warning',
        text: `a shell (${args.slice(0, 4).join(' ')}) stands in front of the service and does not pass signals on`,
        advice: '`exec` before the last command of the script, or the exec form without a shell',
      },
    ];
  }
  if (kind === 'package manager') {
    return [
      {
        rule: 'package-manager-in-front',
        severity: 'problem',
        text: `${name} stands in front of the service: it passes signals on late, or twice, or not at all, and hides the exit status`,
        advice: 'run node itself: what the script in package.json says',
      },
    ];
  }
  if (kind !== 'watcher') return [];
  return [
    {
      rule: 'watcher-in-front',
      severity: 'warning',
      text: `${name} stands in front of the service: it is made for development, and restarts or kills in its own way (nodemon by SIGUSR2, which takes profiles else)`,
      advice: 'run node itself in production',
    },
  ];
}

function options({ command, env, live }: Facts): Finding[] {
  const given = nodeOptionsOf(command && whatRemains(command), env.NODE_OPTIONS);
  const findings: Finding[] = [];
  const keeper = ['--disable-sigusr1', '--permission'].find((option) => given.includes(option));
  if (keeper !== undefined && (env.LASTCALL_DUMP_SIGNAL ?? 'SIGUSR1') === 'SIGUSR1') {
    findings.push({
      rule: 'dump-signal',
      severity: 'problem',
      text: `Node is started with ${keeper}: the signal never arrives, and there will be no dump when one is needed`,
      advice:
        'leave the option out, or set LASTCALL_DUMP_SIGNAL to another signal, such as SIGQUIT',
    });
  }
  const inspect = given.find((option) => /^--inspect/.test(option));
  if (inspect !== undefined) {
    findings.push({
      rule: 'inspector',
      severity: /=0\.0\.0\.0|=\[?::/.test(inspect) ? 'problem' : 'hint',
      text: `the inspector is open (${inspect}): whoever reaches its port runs code in the process${live === null ? '' : ', and the watchdog leaves it alone'}`,
      advice: 'for diagnostics use lastcall dump and lastcall profile, which open no port',
    });
  }
  return findings;
}

/** Node itself handles SIGTERM and SIGINT (to restore the terminal): only SIGUSR2 tells whether lastcall is there. */
function caught({ live, env, command }: Facts): Finding[] {
  if (live?.caught == null || live.caught.has('SIGUSR2')) return [];
  const { name, kind } = programOf(command ?? []);
  if (kind === 'shell') return [isShell(live.pid, name)];
  if ((env.LASTCALL_PROFILE_SIGNAL ?? 'SIGUSR2') !== 'SIGUSR2') return [];
  return [
    {
      rule: 'no-lastcall',
      severity: 'warning',
      text:
        live.pid === 1
          ? 'SIGUSR2 has no handler, so lastcall is not installed: as process 1 without handlers the service ignores SIGTERM too, and can only be killed'
          : 'SIGUSR2 has no handler, so lastcall is not installed: unless something else handles SIGTERM, the process dies of it with whatever is in flight',
      advice:
        'attach a server (attachHttp), register a listener, or call proc.install(); until then SIGUSR2 kills',
    },
  ];
}

/** Whoever asks for it means the service. */
function isShell(pid: number, name: string): Finding {
  return {
    rule: 'shell-in-front',
    severity: 'warning',
    text: `process ${pid} is a shell (${name}): signals that it gets do not reach what it has started, of which nothing is known here`,
    advice: 'name the process that it has started; `exec` before the last command of a script',
  };
}

function pid1({ live, command }: Facts): Finding[] {
  if (live?.pid !== 1 || command === null || programOf(command).kind !== 'node') return [];
  return [
    {
      rule: 'pid-1',
      severity: 'hint',
      text: 'the service is process 1: it cannot be upgraded (its end would end the container), and does not reap processes that it adopts',
      advice: 'lastcall run -- node …, or an init (docker run --init)',
    },
  ];
}

function stopSignal({ stopSignal: signal }: Facts): Finding[] {
  if (signal === null || /^(SIG)?(TERM|INT)$|^15$|^2$/.test(signal)) return [];
  return [
    {
      rule: 'stop-signal',
      severity: /KILL|^9$/.test(signal) ? 'problem' : 'warning',
      text: `the service is stopped by ${signal}, which does not begin a stop`,
      advice: /KILL|^9$/.test(signal)
        ? 'SIGTERM: nothing can handle SIGKILL'
        : 'SIGTERM, or name the signal in proc.setup({ stopSignals })',
    },
  ];
}
