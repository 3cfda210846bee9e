type Cell = string | number;

/** A Markdown table: the first column is text, the others are numbers, aligned to the right. */
export function markdownTable(header: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const align = header.map((_, column) => (column === 0 ? '---' : '---:'));
  return [header, align, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** A number with thousands separated and `digits` decimals. */
export function formatNumber(value: number, digits = 0): string {
  const text = value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text;
}
