import { existsSync } from 'node:fs';
import type { Figure } from './figure.ts';

/** The quota, part by part: decisions in one thread, through the gateway, the hub's ledger, how much of limits is used, beside peers. */
const PARTS = ['quota-decisions', 'quota-gateway', 'quota-ledger', 'quota-accuracy', 'quota-rls'];

export async function run(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const part of PARTS) {
    const file = new URL(`./${part}.ts`, import.meta.url);
    if (!existsSync(file)) continue;
    process.stderr.write(`bench quota: ${part}\n`);
    // Each has the shape of a bench.
    const module = (await import(file.href)) as { run(): Promise<readonly Figure[]> };
    for (const figure of await module.run()) {
      figures.push(figure);
      process.stderr.write(`  ${figure.case}: ${figure.ours} ${figure.unit}\n`);
    }
  }
  return figures;
}
