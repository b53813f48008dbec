import { describe, expect, it } from 'vitest';
import { DnssecWorld, type Mutant } from './dnssec-world.ts';
import { seedCount } from './seed-count.ts';

const SEEDS = seedCount(300);
const DAYS = 240;

function firstBogus(seeds: number, mutant?: Mutant): string | undefined {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const bogus = new DnssecWorld(seed, mutant).run(DAYS);
    if (bogus !== undefined) return `seed ${seed}: ${bogus}`;
  }
  return undefined;
}

describe('the keys of a signed zone', () => {
  it(`never make it bogus to a validating resolver with a cache, whoever is away, over ${SEEDS} seeds of ${DAYS} days`, () => {
    const done = { zskRolls: 0, kskRolls: 0, signed: 0, unsigned: 0, secureAnswers: 0, outages: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const world = new DnssecWorld(seed);
      expect(world.run(DAYS), `seed ${seed}`).toBeUndefined();
      for (const key of ['zskRolls', 'kskRolls', 'signed', 'unsigned', 'secureAnswers', 'outages'] as const)
        done[key] += world.done[key];
    }
    // What was simulated did happen, often.
    for (const [what, count] of Object.entries(done))
      expect(count, what).toBeGreaterThan(what === 'secureAnswers' ? SEEDS * 100 : SEEDS / 2);
  });

  it.each<[Mutant, string]>([
    ['no-ttl', 'a step that does not wait for caches'],
    ['no-servers', 'a step that does not wait for a server that is away'],
    ['no-ds-ttl', "a step that does not wait for the DS set's TTL"],
    ['one-parent', 'a look at one server of the parent only'],
    ['unsign-at-once', 'taking the signatures away before the DS is gone'],
    ['no-refresh', 'signatures over the DNSKEY set that are not made anew'],
    ['lowered-ttl', 'counting a lowered TTL before caches have forgotten the old one'],
    ['swap-keys', 'replacing a zone-signing key instead of publishing the next one first'],
  ])('are caught by the model when the hub has the mistake "%s": %s', (mutant) => {
    expect(firstBogus(SEEDS, mutant)).toMatch(/^seed \d+: /);
  });
});
