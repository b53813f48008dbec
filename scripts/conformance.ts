/**
 * `npm run conformance`: runs the conformance suites of DNS providers and of the gateway and prints a matrix of each, behaviour ×
 * provider, and behaviour × place and protocol: `yes`, a footnote with the reason why a column cannot have it, `FAIL`, or `-` where
 * the server is missing on this machine and how to get it. Fails with any FAIL and any hole without a reason (a test whose reason
 * is no sentence fails).
 *
 * `npm run conformance -- bind` runs the columns whose name contains the word; `-- gRPC` and `-- agents` are such words, too.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

const report = z.object({
  testResults: z.array(
    z.object({
      message: z.string(),
      assertionResults: z.array(
        z.object({
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()),
          meta: z
            .object({
              behaviour: z.string().optional(),
              provider: z.string().optional(),
              gateway: z.string().optional(),
              hole: z.string().optional(),
              missing: z.string().optional(),
            })
            .loose(),
        }),
      ),
    }),
  ),
});

/** One cell. */
type Cell =
  | { readonly mark: 'yes' }
  | { readonly mark: 'hole'; readonly reason: string }
  | { readonly mark: 'missing'; readonly reason: string }
  | { readonly mark: 'FAIL'; readonly reason: string };

interface Matrix {
  readonly columns: readonly string[];
  /** By title, in the order of the suite. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, Cell>>;
}

interface Suite {
  readonly file: string;
  /** Which entry of a test's `meta` names its column. */
  readonly column: 'provider' | 'gateway';
  readonly columns: string;
  /** Names of the tests of all columns, or of those whose name contains the word, as a regular expression. */
  pattern(name: string | undefined): string;
}

const SUITES: readonly Suite[] = [
  {
    file: 'test/conformance/providers.test.ts',
    column: 'provider',
    columns: 'of the providers',
    pattern: (name) => (name === undefined ? 'DNS provider' : `DNS provider [^\\[]*${escaped(name)}`),
  },
  {
    file: 'test/conformance/gateway.test.ts',
    column: 'gateway',
    columns: 'columns of the gateway',
    pattern: (name) =>
      name === undefined ? '^gateway, ' : `^gateway, (?:(?!shows, or explains).)*${escaped(name)}`,
  },
];

const [filter] = process.argv.slice(2);

let tested = 0;
for (const suite of SUITES) {
  const matrix = matrixOf(suite, await run(suite));
  const cells = [...matrix.rows.values()].flatMap((row) => [...row.values()]);
  if (cells.length === 0) continue;
  tested += cells.length;
  const count = (wanted: Cell['mark']): number => cells.filter(({ mark }) => mark === wanted).length;
  console.log(textOf(matrix));
  console.log(
    `${matrix.columns.length} ${suite.columns}, ${matrix.rows.size} behaviours: ${count('yes')} shown, ${count('hole')} explained, ${count('FAIL')} failed, ${count('missing')} not run\n`,
  );
  if (count('FAIL') > 0) process.exitCode = 1;
}
if (tested === 0) {
  console.error(filter === undefined ? 'nothing was tested' : `no column's name contains "${filter}"`);
  process.exitCode = 1;
}

/** Runs the suite and reads its report. */
async function run(suite: Suite): Promise<z.output<typeof report>> {
  const work = mkdtempSync(join(tmpdir(), 'portolan-conformance-'));
  try {
    const file = join(work, 'report.json');
    const child = spawn(
      'vitest',
      [
        'run',
        '--project',
        'conformance',
        suite.file,
        '--testNamePattern',
        suite.pattern(filter),
        '--reporter=dot',
        '--reporter=json',
        `--outputFile.json=${file}`,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', () => resolve());
    });
    return report.parse(JSON.parse(readFileSync(file, 'utf8')));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** As a regular expression, in any case. */
function escaped(text: string): string {
  return text
    .replaceAll(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`)
    .replaceAll(/[().+*?]/g, '\\$&');
}

function isWanted(column: string): boolean {
  return filter === undefined || column.toLowerCase().includes(filter.toLowerCase());
}

function matrixOf(suite: Suite, { testResults }: z.output<typeof report>): Matrix {
  const columns: string[] = [];
  const rows = new Map<string, Map<string, Cell>>();
  for (const { message, assertionResults } of testResults) {
    if (message !== '') throw new Error(message);
    for (const { title, status, failureMessages, meta } of assertionResults) {
      const { behaviour, hole, missing: lacking } = meta;
      const column = meta[suite.column];
      if (behaviour === undefined || column === undefined || !isWanted(column)) continue;
      const cell = cellOf(status, failureMessages, hole, lacking);
      if (!columns.includes(column)) columns.push(column);
      const row = title.replace(` [${behaviour}]`, '');
      const known = rows.get(row) ?? new Map<string, Cell>();
      known.set(column, cell);
      rows.set(row, known);
    }
  }
  return { columns, rows };
}

function cellOf(
  status: string,
  failures: readonly string[],
  hole: string | undefined,
  lacking: string | undefined,
): Cell {
  if (lacking !== undefined) return { mark: 'missing', reason: lacking };
  if (status === 'passed') return hole === undefined ? { mark: 'yes' } : { mark: 'hole', reason: hole };
  // Not even tried is no reason: the server did not start, or the suite ended early.
  if (failures.length === 0) return { mark: 'FAIL', reason: `it was not tried (${status})` };
  return { mark: 'FAIL', reason: failures.join('\n').split('\n').slice(0, 6).join('\n   ') };
}

/** Marks of all cells, and what the numbers in them stand for. */
function marks({ columns, rows }: Matrix) {
  const notes: string[] = [];
  const table = [...rows].map(([title, row]) => [
    title,
    ...columns.map((column) => {
      const cell = row.get(column);
      if (cell === undefined) return '';
      if (cell.mark === 'yes') return 'yes';
      if (cell.mark === 'missing') return '-';
      const note = cell.mark === 'FAIL' ? `${column}, ${title}: ${cell.reason}` : cell.reason;
      if (!notes.includes(note)) notes.push(note);
      return `${cell.mark === 'FAIL' ? 'FAIL ' : ''}(${notes.indexOf(note) + 1})`;
    }),
  ]);
  return { table, notes };
}

function textOf(of: Matrix): string {
  const { table, notes } = marks(of);
  const lines = [['', ...of.columns], ...table];
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const lacking = of.columns.flatMap((column) => {
    const cell = [...of.rows.values()].map((row) => row.get(column)).find((one) => one?.mark === 'missing');
    return cell?.mark === 'missing' ? [`- ${column}: not run, ${cell.reason}`] : [];
  });
  return [
    ...lines.map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    '',
    ...notes.map((note, index) => `(${index + 1}) ${note}`),
    ...lacking,
    '',
  ].join('\n');
}
