import { describe, expect, it } from 'vitest';
import { UNLOCATED } from '../../src/routing/location.ts';
import type { StateView } from '../../src/routing/model.ts';
import { answerDiff } from './answer-diff.ts';
import { cluster, policy, worldOf, zone } from './testing.ts';

const allUp: StateView = {
  target: () => ({ state: 'up', earliestChangeMs: 0 }),
  cluster: () => ({}),
  lastHealthy: () => [],
  staleForMs: 0,
};
const clusters = [cluster('de', 'DE', '198.51.100.1'), cluster('us', 'US', '198.51.100.3')];
const www = policy('www', ['www.example.com'], ['de', 'us']);
const diff = (before: ReturnType<typeof worldOf>, after: ReturnType<typeof worldOf>) =>
  answerDiff(before, after, { view: allUp }, 0, () => UNLOCATED);

describe('the answer-level difference of a change', () => {
  it('is none when nothing changes, and says how much was compared', async () => {
    const world = worldOf(...clusters, zone('example', 'example.com'), www);
    const { changes, compared } = await diff(world, world);
    expect(changes).toEqual([]);
    expect(compared.hostnames).toBe(1);
    expect(compared.places).toBeGreaterThan(200);
  });

  it('says that a name outside every zone is answered by nobody', async () => {
    const { changes } = await diff(
      worldOf(...clusters, zone('example', 'example.com'), www),
      worldOf(...clusters, zone('example', 'example.org'), www),
    );
    expect(changes).toMatchObject([{ hostname: 'www.example.com.', after: [] }]);
    expect(changes[0]?.before.map((s) => s.percent)).toEqual([50, 50]);
    expect(changes[0]?.places).toContain('DE');
  });

  it('shows what a new network or subdivision rule changes, by its own name', async () => {
    const ruled = policy('www', ['www.example.com'], ['de', 'us'], {
      routing: {
        geo: [
          {
            name: 'office',
            match: { cidrs: ['203.0.113.0/24'] },
            tiers: [{ members: [{ endpoint: 'us' }] }],
          },
          { name: 'west', match: { subdivisions: ['US-CA'] }, tiers: [{ members: [{ endpoint: 'us' }] }] },
        ],
        default: { tiers: [{ members: [{ endpoint: 'de' }, { endpoint: 'us' }] }] },
      },
    });
    const { changes } = await diff(
      worldOf(...clusters, zone('example', 'example.com'), www),
      worldOf(...clusters, zone('example', 'example.com'), ruled),
    );
    expect(changes).toMatchObject([
      { places: ['203.0.113.0/24', 'US-CA'], after: [{ endpoint: 'us', percent: 100 }] },
    ]);
  });

  it('compares the hostnames of one policy once and tells each of them', async () => {
    const two = policy('www', ['www.example.com', 'api.example.com'], ['de', 'us']);
    const one = policy('www', ['www.example.com', 'api.example.com'], ['de', 'us'], {
      routing: { default: { tiers: [{ members: [{ endpoint: 'de' }] }] } },
    });
    const of = (p: typeof two) => worldOf(...clusters, zone('example', 'example.com'), p);
    // Both worlds are made from scratch: generation 1 twice would look like the same policy.
    const { changes } = await diff(of(two), of(one));
    expect(changes.map((c) => c.hostname)).toEqual(['api.example.com.', 'www.example.com.']);
  });
});
