import { writeFileSync } from 'node:fs';
import { diffDumps, formatDump, formatDumpDiff, LastcallError } from '@lastcall/proc';
import { type Command, InvalidArgumentError } from 'commander';
import { addCommand, type CommandContext } from '../command-context';
import { printableLines } from '../printable';
import type { Printer } from '../printer';
import { readDocument, type ViewDocument } from '../view/document';
import { dumpPage } from '../view/dump-page';
import { dumpTree } from '../view/dump-tree';
import { hotOfCpu, hotOfHeap } from '../view/hot-functions';
import { openBrowser } from '../view/open-browser';
import { servePage, type WebView } from '../view/page-server';
import { formatMicroseconds, hotText, loopText } from '../view/profile-text';
import { reportPage } from '../view/report-page';
import { reportTimeline } from '../view/report-timeline';
import { formatBytes } from '../view/units';

interface ViewOptions {
  readonly web?: boolean;
  readonly open: boolean;
  readonly port: number;
  readonly html?: string;
  readonly full?: boolean;
}

const EXAMPLES = `
Examples:
  lastcall view report.json                  a stop as a timeline
  lastcall view report.json --html stop.html the same as a Gantt chart
  lastcall view dump.json                    what a process waits for, as a tree
  lastcall view before.json after.json       what changed between two dumps
  lastcall view app.cpuprofile --web         a profile in speedscope, without the internet
  lastcall dump api | lastcall view -        from standard input`;

/** `lastcall view`: shows what lastcall wrote. */
export function addViewCommand(program: Command, context: CommandContext): void {
  addCommand(
    program,
    'view <file> [after]',
    'show a report, dump or profile; of two dumps, what changed',
  )
    .option('-w, --web', 'show it in the browser, from a server on a loopback port')
    .option('--no-open', 'with --web: only print the address')
    .option('--port <port>', 'with --web: the port', parsePort, 0)
    .option('--html <file>', 'write the page of a report or dump into a file')
    .option('--full', 'print a dump as text with everything in it')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, after: string | undefined, options, command) => {
      const printer = context.printer(command);
      if (after === undefined) await show(context, printer, file, options);
      else showDiff(printer, file, after, options);
    });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('a port is a number from 0 to 65535.');
}

async function show(
  context: CommandContext,
  printer: Printer,
  file: string,
  options: ViewOptions,
): Promise<void> {
  const document = readDocument(file);
  if (options.html !== undefined) {
    writeFileSync(options.html, pageOf(document, file), { flag: 'w' });
    printer.progress(`written: ${options.html}`);
    return;
  }
  printer.result(jsonOf(document), () => textOf(document, printer, options));
  if (options.web === true)
    await showInBrowser(context, printer, webViewOf(document, file), options);
}

function showDiff(printer: Printer, before: string, after: string, options: ViewOptions): void {
  const forOne = (['html', 'web', 'full'] as const).find((name) => options[name] !== undefined);
  if (forOne !== undefined) {
    throw new LastcallError(
      'LASTCALL_CLI_USAGE',
      `--${forOne} shows one file; what changed between two is told as text, or with --json`,
    );
  }
  const [first, second] = [readDocument(before), readDocument(after)];
  if (first.kind !== 'dump' || second.kind !== 'dump') {
    throw new LastcallError(
      'LASTCALL_CLI_UNKNOWN_FILE',
      `only two dumps can be compared, these are a ${first.kind} and a ${second.kind}`,
    );
  }
  const diff = diffDumps(first.value, second.value);
  printer.result(diff, () => printableLines(formatDumpDiff(diff)));
}

function jsonOf(document: ViewDocument): unknown {
  if (document.kind === 'cpu profile') return { kind: 'cpu profile', ...hotOfCpu(document.value) };
  if (document.kind === 'heap profile')
    return { kind: 'heap profile', ...hotOfHeap(document.value) };
  return document.value;
}

function textOf(document: ViewDocument, printer: Printer, { full }: ViewOptions): string {
  switch (document.kind) {
    case 'report':
      return reportTimeline(document.value, printer);
    case 'dump':
      return full === true ? formatDump(document.value) : dumpTree(document.value, printer);
    case 'cpu profile':
      return hotText('CPU time', hotOfCpu(document.value), formatMicroseconds, printer);
    case 'heap profile':
      return hotText('memory in use', hotOfHeap(document.value), formatBytes, printer);
    case 'loop profile':
      return loopText(document.value, printer);
    case 'text':
      return printableLines(document.value);
  }
}

function pageOf(document: ViewDocument, file: string): string {
  if (document.kind === 'report') return reportPage(document.value);
  if (document.kind === 'dump') return dumpPage(document.value);
  throw new LastcallError(
    'LASTCALL_CLI_UNKNOWN_FILE',
    `${file} is a ${document.kind}: there is no page for it; profiles are shown with --web`,
  );
}

function webViewOf(document: ViewDocument, file: string): WebView {
  const isProfile = document.kind === 'cpu profile' || document.kind === 'heap profile';
  if (!isProfile) return { kind: 'page', html: pageOf(document, file) };
  const suffix = document.kind === 'cpu profile' ? '.cpuprofile' : '.heapprofile';
  // speedscope goes by the name.
  const path = file.endsWith(suffix) ? file : `${file}${suffix}`;
  return { kind: 'profile', path, json: document.text };
}

async function showInBrowser(
  { environment }: CommandContext,
  printer: Printer,
  view: WebView,
  { open, port }: ViewOptions,
): Promise<void> {
  const server = await servePage(view, port);
  printer.text(server.url);
  if (open) openBrowser(environment, server.url);
  printer.progress('shown until this command is ended (Ctrl-C)');
  await new Promise<void>((resolve) => {
    const remove = environment.onInterrupt(() => {
      remove();
      resolve();
    });
  });
  await server.close();
}
