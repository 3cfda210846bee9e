import type uPlotType from 'uplot';
import { formatClock } from './format.js';
import { HISTORY_MS, type Sample } from './history.js';
import { element, pagePart, setText } from './page-part.js';
import type { Status } from './status.js';

// uPlot comes as a classic script, which is a third of the size of its module.
declare const uPlot: typeof uPlotType;

/** One line of a chart. */
export interface ChartLine {
  readonly label: string;
  /** Name of the custom property that has its colour. */
  readonly colour: string;
  /** Null where it is not known. */
  value(status: Status): number | null;
}

/** What a chart shows, and how. */
export interface ChartOptions {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly ChartLine[];
  /** Writes a value with its unit. */
  format(value: number): string;
  /** Writes a value on the axis; `format` unless told. */
  axis?(value: number): string;
  /** The least that the top of the chart stands for. */
  readonly atLeast: number;
  /** The most that the chart can show: a share ends at 1. */
  readonly atMost?: number;
}

const HEIGHT = 104;

/** Draws lines over the last five minutes, and writes their latest values above; gaps are tinted. */
export function createTimeChart(options: ChartOptions): (samples: readonly Sample[]) => void {
  const figure = pagePart(options.id, HTMLElement);
  const place = element('div', 'plot');
  place.role = 'img';
  const values = options.lines.map(({ colour }) => {
    const value = element('dd');
    value.style.setProperty('--line', `var(${colour})`);
    return value;
  });
  figure.append(
    element('figcaption', '', [element('h3', '', options.title), legend(options.lines, values)]),
    place,
  );
  let samples: readonly Sample[] = [];
  let plot: uPlotType | null = null;

  function draw(): void {
    plot?.destroy();
    plot = new uPlot(
      plotOptions(options, place, () => samples),
      columns(),
      place,
    );
  }

  function columns(): uPlotType.AlignedData {
    return [
      samples.map(({ at }) => at / 1000),
      ...options.lines.map((line) =>
        samples.map(({ status }) => (status === null ? null : line.value(status))),
      ),
    ];
  }

  new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT })).observe(
    place,
  );
  // The colours of a canvas are those of the moment it is drawn.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  draw();

  return (newSamples) => {
    samples = newSamples;
    plot?.setData(columns());
    const latest = samples.findLast(({ status }) => status !== null)?.status ?? null;
    const texts = options.lines.map((line) =>
      valueText(latest && line.value(latest), options.format),
    );
    for (const [index, value] of values.entries()) setText(value, texts[index] ?? '');
    const summary = options.lines.map(({ label }, index) => `${label} ${texts[index]}`).join(', ');
    place.ariaLabel = `${options.title}, last five minutes; now ${summary}`;
  };
}

function valueText(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value);
}

function legend(lines: readonly ChartLine[], values: readonly HTMLElement[]): HTMLElement {
  const entries = lines.map(({ label }, index) => {
    const value = values[index];
    return element('div', '', [element('dt', '', label), ...(value === undefined ? [] : [value])]);
  });
  return element('dl', '', entries);
}

function plotOptions(
  options: ChartOptions,
  place: HTMLElement,
  samples: () => readonly Sample[],
): uPlotType.Options {
  const style = getComputedStyle(place);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const { atLeast, atMost } = options;
  const axis = {
    stroke: colour('--muted'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(place.clientWidth, 1),
    height: HEIGHT,
    padding: [6, 18, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { range: () => [(Date.now() - HISTORY_MS) / 1000, Date.now() / 1000] },
      y: { range: (_, __, max) => [0, atMost ?? Math.max((max ?? 0) * 1.15, atLeast)] },
    },
    axes: [
      { ...axis, size: 22, incrs: [60], values: (_, times) => times.map(minuteText) },
      {
        ...axis,
        size: 62,
        space: 28,
        values: (_, ticks) => ticks.map((tick) => (options.axis ?? options.format)(tick)),
      },
    ],
    series: [
      {},
      ...options.lines.map((line) => ({
        stroke: colour(line.colour),
        width: 1.5,
        points: { show: false },
      })),
    ],
    hooks: { drawClear: [(plot) => tintGaps(plot, samples(), colour('--gap'))] },
  };
}

function minuteText(seconds: number): string {
  return formatClock(new Date(seconds * 1000)).slice(0, 5);
}

/** Marks the times at which the main thread did not answer. */
function tintGaps(plot: uPlotType, samples: readonly Sample[], colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour;
  samples.forEach(({ at, status }, index) => {
    const before = samples[index - 1];
    if (status !== null || before === undefined) return;
    const from = Math.max(plot.valToPos(before.at / 1000, 'x', true), bbox.left);
    const to = plot.valToPos(at / 1000, 'x', true);
    if (to > from) ctx.fillRect(from, bbox.top, to - from, bbox.height);
  });
  ctx.restore();
}
