import type { Figure } from './figure.ts';

/** Loaded one after the other: what one part needs must not weigh on another one's memory figures. */
const PARTS: Readonly<Record<string, () => Promise<{ run(): Promise<readonly Figure[]> }>>> = {
  'decisions in one thread': () => import('./quota-decisions.ts'),
  'through the gateway': () => import('./quota-gateway.ts'),
  "the hub's ledger": () => import('./quota-ledger.ts'),
  'how much of limits is used': () => import('./quota-accuracy.ts'),
  'rate limit service, beside peers': () => import('./quota-rls.ts'),
};

/** The quota, part by part. */
export async function run(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [part, load] of Object.entries(PARTS)) {
    process.stderr.write(`bench quota: ${part}\n`);
    for (const figure of await (await load()).run()) {
      figures.push(figure);
      process.stderr.write(`  ${figure.case}: ${figure.ours} ${figure.unit}\n`);
    }
  }
  return figures;
}
