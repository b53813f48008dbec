/**
 * `npm run coverage -- dns`: runs the unit tests of one folder of `src` and lists every branch, function and statement of it that
 * they do not reach, with its line. Exit code 1 when anything is left. The folder is tested by its own tests alone: what only a
 * server test reaches counts as not reached.
 *
 * One thing is left out, and counted: the fallback of a read by index, `bytes[at] ?? 0`. The compiler (`noUncheckedIndexedAccess`)
 * asks for it because it does not know that the index lies within the array; where it does, no input can take that branch. It is
 * told by its form alone: `]` before `??`, and behind it a literal or a plain name. `--fallbacks` lists them.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

const position = z.object({ line: z.number(), column: z.number().nullish() });
const range = z.object({ start: position, end: position });
const loose = z.object({ start: position.partial(), end: position.partial() });
const report = z.record(
  z.string(),
  z.object({
    statementMap: z.record(z.string(), range),
    s: z.record(z.string(), z.number()),
    fnMap: z.record(z.string(), z.object({ name: z.string(), loc: range })),
    f: z.record(z.string(), z.number()),
    branchMap: z.record(z.string(), z.object({ loc: range, type: z.string(), locations: z.array(loose) })),
    b: z.record(z.string(), z.array(z.number())),
  }),
);

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { fallbacks: { type: 'boolean', default: false } },
});
const [folder = 'dns'] = positionals;
if (!existsSync(`src/${folder}`)) {
  process.stderr.write(`src/${folder} does not exist. Name a folder of src, such as dns.\n`);
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'portolan-coverage-'));
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'unit',
    `src/${folder}`,
    '--reporter=dot',
    '--coverage.enabled',
    '--coverage.provider=v8',
    `--coverage.include=src/${folder}/**/*.ts`,
    '--coverage.exclude=**/*.test.ts',
    '--coverage.exclude=**/testing/**',
    '--coverage.reporter=json',
    `--coverage.reportsDirectory=${work}`,
    '--coverage.reportOnFailure=true',
  ],
  { stdio: 'inherit' },
);
const file = join(work, 'coverage-final.json');
if (!existsSync(file)) {
  process.stderr.write('There is no coverage: the tests did not run.\n');
  process.exit(1);
}
const files = report.parse(JSON.parse(readFileSync(file, 'utf8')));
rmSync(work, { recursive: true, force: true });

let branches = 0;
let reached = 0;
let fallbacks = 0;
let left = 0;
for (const [path, coverage] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const missed = new Map<number, string>();
  for (const [id, { loc, type, locations }] of Object.entries(coverage.branchMap)) {
    locations.forEach(({ start }, i) => {
      branches += 1;
      if ((coverage.b[id]?.[i] ?? 0) > 0) {
        reached += 1;
      } else if (isIndexFallback(lines, start.line, start.column)) {
        fallbacks += 1;
        if (options.fallbacks) tell(path, start.line ?? loc.start.line, 'index fallback', lines);
      } else {
        missed.set(start.line ?? loc.start.line, `${type} ${i + 1}`);
      }
    });
  }
  for (const [id, { loc }] of Object.entries(coverage.fnMap))
    if (coverage.f[id] === 0) missed.set(loc.start.line, 'function');
  for (const [id, { start }] of Object.entries(coverage.statementMap))
    if (coverage.s[id] === 0 && !missed.has(start.line)) missed.set(start.line, 'statement');
  for (const [line, what] of [...missed].sort(([a], [b]) => a - b)) tell(path, line, what, lines);
  left += missed.size;
}
process.stdout.write(
  `\nsrc/${folder}: ${branches} branches; ${reached} reached, ${fallbacks} left out, ${left} lines left to test\n` +
    'Left out are fallbacks of reads by index (`bytes[at] ?? 0`), which the compiler demands' +
    `${options.fallbacks ? '' : '; --fallbacks lists them'}\n`,
);
process.exitCode = status === 0 && left === 0 ? 0 : 1;

function tell(path: string, line: number, what: string, lines: readonly string[]): void {
  process.stdout.write(
    `${relative(process.cwd(), path)}:${line}  ${what}  ${(lines[line - 1] ?? '').trim()}\n`,
  );
}

/** The place begins the literal or the name in `…[index] ?? literal`. */
function isIndexFallback(lines: readonly string[], line?: number, column?: number | null): boolean {
  if (line === undefined || typeof column !== 'number') return false;
  const text = lines[line - 1] ?? '';
  return (
    /\]\s*\?\?\s*$/.test(text.slice(0, column)) && /^(-?\d|''|[a-zA-Z]+\b(?![.(]))/.test(text.slice(column))
  );
}
