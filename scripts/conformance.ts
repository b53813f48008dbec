/**
 * `npm run conformance`: runs the conformance suite of DNS providers and prints the matrix provider × behaviour: `yes`, a footnote with
 * the reason why a provider cannot have it, `FAIL`, or `-` where the server is missing on this machine and how to get it. Fails
 * with any FAIL and any hole without a reason (a test whose reason is no sentence fails).
 *
 * `npm run conformance -- bind` runs the columns whose name contains the word.
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
  readonly providers: readonly string[];
  /** By title, in the order of the suite. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, Cell>>;
}

const [filter] = process.argv.slice(2);

const matrix = matrixOf(await run(filter));
const cells = [...matrix.rows.values()].flatMap((row) => [...row.values()]);
if (cells.length === 0) {
  console.error(filter === undefined ? 'no provider was tested' : `no provider's name contains "${filter}"`);
  process.exit(1);
}
console.log(textOf(matrix));
const failed = cells.filter(({ mark }) => mark === 'FAIL').length;
const holes = cells.filter(({ mark }) => mark === 'hole').length;
console.log(
  `${matrix.providers.length} of the providers, ${matrix.rows.size} behaviours: ${cells.filter(({ mark }) => mark === 'yes').length} shown, ${holes} explained, ${failed} failed, ${cells.filter(({ mark }) => mark === 'missing').length} not run`,
);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs the suite and reads its report. */
async function run(name: string | undefined): Promise<z.output<typeof report>> {
  const work = mkdtempSync(join(tmpdir(), 'portolan-conformance-'));
  try {
    const file = join(work, 'report.json');
    const pattern = name === undefined ? 'DNS provider' : `DNS provider [^\\[]*${escaped(name)}`;
    const child = spawn(
      'vitest',
      [
        'run',
        '--project',
        'conformance',
        'test/conformance/providers.test.ts',
        '--testNamePattern',
        pattern,
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

function isWanted(provider: string): boolean {
  return filter === undefined || provider.toLowerCase().includes(filter.toLowerCase());
}

function matrixOf({ testResults }: z.output<typeof report>): Matrix {
  const providers: string[] = [];
  const rows = new Map<string, Map<string, Cell>>();
  for (const { message, assertionResults } of testResults) {
    if (message !== '') throw new Error(message);
    for (const { title, status, failureMessages, meta } of assertionResults) {
      const { behaviour, provider, hole, missing: lacking } = meta;
      if (behaviour === undefined || provider === undefined || !isWanted(provider)) continue;
      const cell = cellOf(status, failureMessages, hole, lacking);
      if (!providers.includes(provider)) providers.push(provider);
      const row = title.replace(` [${behaviour}]`, '');
      const known = rows.get(row) ?? new Map<string, Cell>();
      known.set(provider, cell);
      rows.set(row, known);
    }
  }
  return { providers, rows };
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
function marks({ providers, rows }: Matrix) {
  const notes: string[] = [];
  const table = [...rows].map(([title, row]) => [
    title,
    ...providers.map((provider) => {
      const cell = row.get(provider);
      if (cell === undefined) return '';
      if (cell.mark === 'yes') return 'yes';
      if (cell.mark === 'missing') return '-';
      const note = cell.mark === 'FAIL' ? `${provider}, ${title}: ${cell.reason}` : cell.reason;
      if (!notes.includes(note)) notes.push(note);
      return `${cell.mark === 'FAIL' ? 'FAIL ' : ''}(${notes.indexOf(note) + 1})`;
    }),
  ]);
  return { table, notes };
}

function textOf(of: Matrix): string {
  const { table, notes } = marks(of);
  const lines = [['', ...of.providers], ...table];
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const lacking = of.providers.flatMap((provider) => {
    const cell = [...of.rows.values()].map((row) => row.get(provider)).find((one) => one?.mark === 'missing');
    return cell?.mark === 'missing' ? [`- ${provider}: not run, ${cell.reason}`] : [];
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
