import { describe, expect, it } from 'vitest';
import { MUTANTS, type Mutant } from './quota-mutants.ts';
import { playQuota } from './quota-play.ts';
import type { Happened } from './quota-world.ts';
import { seedCount } from './seed-count.ts';

const SEEDS = seedCount(10_000);
/** Within so many seeds every mistake is found. */
const ENOUGH = 600;

describe('the global quota', () => {
  it(`I20 admits no more than the limit in any window, and everybody again after the faults, over ${SEEDS} seeds`, {
    timeout: SEEDS * 60,
  }, () => {
    const total: Record<string, number> = {};
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { harm, happened } = playQuota(seed);
      if (harm !== undefined)
        expect.fail(`seed ${seed}: ${harm} (again: npm run simulate -- --from ${seed} --seeds 1)`);
      for (const [what, count] of Object.entries<number>({ ...happened }))
        total[what] = (total[what] ?? 0) + count;
    }
    // What was simulated did happen, often.
    const often: readonly (keyof Happened)[] = [
      ...(['admitted', 'refused', 'waited', 'fromFloors', 'crashes', 'hubRestarts', 'takeovers'] as const),
      ...(['rollbacksRefused', 'partitions', 'freezes', 'suspensions', 'lost', 'twice'] as const),
      ...([
        'slowCommits',
        'limitsLowered',
        'floorsChanged',
        'removed',
        'clockJumps',
        'answersCharged',
      ] as const),
      ...(['answersGivenBack', 'answersOwed', 'joined', 'memoriesLost', 'delayed', 'overtaken'] as const),
    ];
    for (const what of often) expect(total[what], what).toBeGreaterThan(SEEDS / 10);
  });

  it.each(Object.entries(MUTANTS) as [Mutant, string][])(
    'I20 is seen to break with the mistake "%s": %s',
    { timeout: 120_000 },
    (mutant) => {
      let found: string | undefined;
      for (let seed = 1; seed <= ENOUGH && found === undefined; seed += 1) {
        const { harm } = playQuota(seed, { mutant });
        if (harm?.startsWith('I20') === true) found = harm;
      }
      expect(found).toMatch(/^I20 /);
    },
  );

  it.each([
    [5_185, 'a bucket that was forgotten while floors were in use came back full'],
    [159_152, 'floors that were given up by an idle agent were kept for it'],
    [470_680, 'floors that only a lost exchange had named were kept for ever'],
  ])('I20 goes well in seed %i, where once %s', (seed) => {
    expect(playQuota(seed).harm).toBeUndefined();
  });

  it('plays a seed again exactly', () => {
    const lines = (seed: number): readonly string[] => {
      const said: string[] = [];
      playQuota(seed, { trace: (line) => said.push(line) });
      return said;
    };
    expect(lines(17)).toEqual(lines(17));
    expect(lines(17).length).toBeGreaterThan(10);
  });
});
