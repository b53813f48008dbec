/**
 * `npm run bench -- NAME [--json]`: measures and prints; `all` runs every bench, one after the other. The table is for people;
 * `--json` writes one figure a line (`Figure`) to stdout. What goes on, and the load of the machine, goes to stderr.
 */
import { loadavg } from 'node:os';
import type { Figure } from './figure.ts';

/** Loaded when chosen: what one bench needs must not weigh on another one's memory figures. */
const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<readonly Figure[]> }>>> = {
  idle: () => import('./idle.ts'),
  plan: () => import('./plan.ts'),
  dns: () => import('./dns.ts'),
  'dns-memory': () => import('./dns-memory.ts'),
  'dns-swap': () => import('./dns-swap.ts'),
  'dns-workers': () => import('./dns-workers.ts'),
  dnssec: () => import('./dnssec.ts'),
  providers: () => import('./providers.ts'),
  failover: () => import('./failover.ts'),
  keys: () => import('./keys.ts'),
  revocation: () => import('./revocation.ts'),
  gateway: () => import('./gateway.ts'),
  'gateway-auth': () => import('./gateway-auth.ts'),
  'gateway-attack': () => import('./gateway-attack.ts'),
  'quota-rls': () => import('./quota-rls.ts'),
  chain: () => import('./chain.ts'),
  quota: () => import('./quota.ts'),
  'quota-accuracy': () => import('./quota-accuracy.ts'),
  certs: () => import('./certs.ts'),
  kubernetes: () => import('./kubernetes.ts'),
};

const args = process.argv.slice(2);
const json = args.includes('--json');
const names = args.filter((a) => !a.startsWith('-'));
const strange = [
  ...args.filter((a) => a.startsWith('-') && a !== '--json'),
  ...names.filter((n) => n !== 'all' && BENCHES[n] === undefined),
];

if (names.length === 0 || strange.length > 0) {
  process.stderr.write(
    `error: ${strange.length > 0 ? `there is no bench "${strange.join(' ')}"` : 'name a bench'}\n` +
      `  fix: npm run bench -- NAME [--json], with one of: ${[...Object.keys(BENCHES), 'all'].join(', ')}\n`,
  );
  process.exit(2);
}

const chosen = names.includes('all') ? Object.keys(BENCHES) : names;
const figures: Figure[] = [];
let failed = false;
for (const name of chosen) {
  process.stderr.write(`bench ${name}: load ${load()} before\n`);
  try {
    const module = await BENCHES[name]?.();
    for (const figure of (await module?.run()) ?? []) {
      figures.push(figure);
      if (json) process.stdout.write(`${JSON.stringify(figure)}\n`);
    }
  } catch (error) {
    // The others still run; the exit code tells.
    failed = true;
    process.stderr.write(
      `bench ${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
  }
  process.stderr.write(`bench ${name}: load ${load()} after\n`);
}
if (!json) process.stdout.write(table(figures));
process.exit(failed ? 1 : 0);

/** Processes ready to run, mean of the last minute; above the number of cores the figures are worse than the machine. */
function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

function table(rows: readonly Figure[]): string {
  const head = ['bench', 'case', 'ours', 'peer', 'peer is', 'ratio', 'unit'];
  const cells = rows.map((f) => [
    f.bench,
    f.case,
    number(f.ours),
    number(f.peer),
    f.peerName,
    f.ratio >= Number.MAX_SAFE_INTEGER ? '∞' : number(f.ratio),
    f.unit,
  ]);
  const widths = head.map((h, column) => Math.max(h.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        [2, 3, 5].includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return `${[head, ...cells].map(line).join('\n')}\n`;
}

function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return value.toFixed(0);
  return Math.abs(value) >= 0.01 ? String(Number(value.toPrecision(4))) : value.toExponential(1);
}
