import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { creationOf } from '../api/writes.ts';
import { MANAGED_BY, type SourceName } from './contract.ts';
import { memoryHub, setOf, wanted } from './testing.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
/** By name: the port of the one that is there. */
const some = fc.dictionary(fc.constantFrom(...NAMES), fc.integer({ min: 1, max: 3 }), {
  noNullPrototype: true,
});
const check = (name: string, port: number, adopt = false) => ({
  ...wanted('HealthCheck', name, { protocol: 'tcp', port }),
  adopt,
});
const ofSet = (set: Readonly<Record<string, number>>, adopt = false) =>
  setOf(Object.entries(set).map(([name, port]) => check(name, port, adopt)));

describe('a pass, whatever stands in the store', () => {
  it("I7 makes what is stored what is wanted, leaves what is others' alone, and writes nothing the second time", async () => {
    let conflicts = 0;
    let pruned = 0;
    await fc.assert(
      fc.asyncProperty(some, some, some, some, fc.boolean(), async (byHand, byOther, mine, want, adopt) => {
        const hub = memoryHub();
        for (const [name, port] of Object.entries(byHand)) {
          const { change } = creationOf(check(name, port).input, undefined);
          await hub.store.commit([change], { actor: { id: 'token/1', display: 'ops' } });
        }
        await hub.sync.pass('kubernetes', ofSet(byOther));
        await hub.sync.pass('git-folder', ofSet(mine));
        const before = new Map(hub.objects);
        const ownerOf = (id: string): string | undefined => before.get(id)?.metadata.annotations[MANAGED_BY];
        const pass = await hub.sync.pass('git-folder', ofSet(want, adopt));
        for (const [id, object] of before) {
          const owner = ownerOf(id);
          const taken = owner === undefined && adopt && id.replace('HealthCheck default/', '') in want;
          if (owner !== 'git-folder' && !taken) expect(hub.objects.get(id)).toEqual(object);
        }
        for (const [name, port] of Object.entries(want)) {
          const id = `HealthCheck default/${name}`;
          const owner = ownerOf(id);
          const free = !before.has(id) || owner === 'git-folder' || (owner === undefined && adopt);
          if (!free) conflicts += 1;
          expect(pass.outcomes.get(id)?.state).toBe(free ? 'applied' : 'conflict');
          if (free) expect(hub.objects.get(id)).toMatchObject({ spec: { protocol: 'tcp', port } });
        }
        const own = (source: SourceName): readonly string[] =>
          [...hub.objects].flatMap(([id, { metadata }]) =>
            metadata.annotations[MANAGED_BY] === source ? [id] : [],
          );
        // Six objects at most are never too many to remove but when all six go at once.
        const held = hub.sync.held.length > 0;
        if (!held) {
          expect(own('git-folder').every((id) => id.replace('HealthCheck default/', '') in want)).toBe(true);
          if ([...before.keys()].some((id) => !hub.objects.has(id))) pruned += 1;
        }
        expect(pass.managed).toBe(own('git-folder').length);
        const commits = hub.commits.length;
        const again = await hub.sync.pass('git-folder', ofSet(want, adopt));
        expect(hub.commits.length).toBe(commits);
        expect([...again.outcomes.values()].some((o) => o.state === 'applied' && o.changed)).toBe(false);
      }),
      { numRuns: 300 },
    );
    // The cases that this is about came up.
    expect(conflicts).toBeGreaterThan(20);
    expect(pruned).toBeGreaterThan(5);
  });
});
