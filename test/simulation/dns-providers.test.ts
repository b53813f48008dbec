import { describe, expect, it } from 'vitest';
import { DnsProviderWorld, type Mutant } from './dns-provider-world.ts';
import type { Preconditions } from './flaky-provider.ts';
import { seedCount } from './seed-count.ts';

const SEEDS = seedCount(300);
const STEPS = 25;

async function firstHarm(
  seeds: number,
  preconditions: Preconditions,
  mutant?: Mutant,
): Promise<string | undefined> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const harm = await new DnsProviderWorld(seed, preconditions, mutant).run(STEPS);
    if (harm !== undefined) return `seed ${seed}: ${harm}`;
  }
  return undefined;
}

describe('publishing into a zone that others write, too', () => {
  it.each<Preconditions>(['atomic', 'per-set', 'none'])(
    `I1 I2 I3 I4 I8 I18 harms nobody and ends as it is wanted, whatever fails, where preconditions are "%s", over ${SEEDS} seeds`,
    async (preconditions) => {
      const total = { commits: 0, crashes: 0, foreignEdits: 0, damages: 0, refused: 0 };
      const contended = { conflicts: 0, superseded: 0, pauses: 0 };
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        const world = new DnsProviderWorld(seed, preconditions);
        expect(await world.run(STEPS), `seed ${seed}`).toBeUndefined();
        for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += world.done[key];
        for (const key of Object.keys(contended) as (keyof typeof contended)[])
          contended[key] += world.done[key];
      }
      // What was simulated did happen, often.
      for (const [what, count] of Object.entries(total)) expect(count, what).toBeGreaterThan(SEEDS / 3);
      if (preconditions !== 'none')
        for (const [what, count] of Object.entries(contended)) expect(count, what).toBeGreaterThan(SEEDS / 3);
    },
  );

  it.each<[Mutant, Preconditions, string]>([
    ['no-fence', 'atomic', 'I2'],
    ['newer-epoch-ignored', 'atomic', 'I2'],
    ['newer-epoch-ignored', 'per-set', 'I2'],
    ['marker-apart', 'atomic', 'I18'],
    ['marker-last', 'per-set', 'I18'],
    ['targets-last', 'per-set', ''],
    ['foreign-unchecked', 'atomic', 'foreign'],
    ['foreign-unchecked', 'none', 'foreign'],
    ['empty-allowed', 'atomic', 'I4'],
    ['ambiguous-is-applied', 'atomic', ''],
  ])('is caught by the model with the mistake "%s" (%s)', async (mutant, preconditions, says) => {
    const harm = await firstHarm(SEEDS, preconditions, mutant);
    expect(harm).toMatch(/^seed \d+: /);
    expect(harm).toContain(says);
  });
});
