/** A cell, and what follows from where it is too wide: nothing; tables are as wide as their content. */
export type Row = readonly string[];

const GAP = '   ';

/**
 * Columns as wide as their widest cell, headings in capitals, no trailing spaces: made for eyes, `grep` and `awk` alike.
 * Empty cells are shown as `-`, so that columns can be counted.
 */
export function table(headings: Row, rows: readonly Row[]): readonly string[] {
  const cells = [headings, ...rows.map((row) => headings.map((_, i) => shown(row[i])))];
  const widths = headings.map((_, i) => Math.max(...cells.map((row) => displayWidth(row[i] ?? ''))));
  return cells.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : padded(cell, widths[i] ?? 0)))
      .join(GAP)
      .trimEnd(),
  );
}

function shown(cell: string | undefined): string {
  return cell === undefined || cell === '' ? '-' : cell.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

function padded(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - displayWidth(cell)));
}

/** Columns a text takes: colour codes take none. */
function displayWidth(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour is one
  return [...text.replaceAll(/\u001b\[[0-9;]*m/g, '')].length;
}
