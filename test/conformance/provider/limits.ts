import { expect } from 'vitest';
import { PortolanError } from '../../../src/errors/error.ts';
import type { BehaviourId } from '../provider-behaviours.ts';
import { isPossible } from '../provider-harness.ts';
import { contentsOf, groupsFor, type ProviderTest, plainSet, read, send, soon } from './world.ts';

/** Every provider says of each of these whether its own routing keeps it. */
const ROUTING = ['geo', 'subnets', 'weights', 'failover', 'residency'] as const;

export const LIMITS: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'limits.turn': async (world) => {
    const { requests } = world.running;
    if (!isPossible(requests)) return world.hole(requests.why);
    const turns = new Map<string, number>();
    const provider = await world.open({
      turn: async (action) => {
        turns.set(action, (turns.get(action) ?? 0) + 1);
      },
    });
    const before = requests();
    await provider.zones(soon());
    const content = await provider.read(world.running.zone, soon());
    const set = plainSet(world.name(), 'A', ['192.0.2.1']);
    await send(world, content, groupsFor(content, [set]), { provider });
    const after = requests();
    const made = [...after].flatMap(([action, count]) => {
      const more = count - (before.get(action) ?? 0);
      return more === 0 ? [] : [[action, more] as const];
    });
    expect(made.length).toBeGreaterThan(0);
    expect(new Map([...turns].sort())).toEqual(new Map([...made].sort()));
  },

  'limits.guard': async (world) => {
    const forbidden = () => new PortolanError('ADDRESS_FORBIDDEN', 'the guard forbids it');
    const before = isPossible(world.running.requests) ? total(world.running.requests()) : 0;
    const calling = world
      .open({
        guard: {
          check: () => {
            throw forbidden();
          },
          lookup: (_host, _options, callback) => callback(forbidden(), '', 4),
        },
      })
      .then((provider) => provider.zones(soon()));
    await expect(calling).rejects.toBeInstanceOf(Error);
    if (isPossible(world.running.requests)) expect(total(world.running.requests())).toBe(before);
  },

  'check.findings': async (world) => {
    const before = contentsOf(await read(world));
    const findings = await world.provider.check([world.running.zone], soon());
    expect(findings.length).toBeGreaterThan(1);
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    for (const finding of findings) expect(finding.message.length).toBeGreaterThan(3);
    expect(contentsOf(await read(world))).toEqual(before);
  },

  'capabilities.reasons': async (world) => {
    const { capabilities } = world.harness.kind;
    for (const feature of ROUTING) {
      const found = capabilities.routing.find((entry) => entry.feature === feature);
      expect(found, feature).toBeDefined();
    }
    const sentences = [
      ...capabilities.routing.map(({ reason }) => reason),
      ...capabilities.unsupportedTypes.map(({ reason }) => reason),
      capabilities.preconditionsWhy,
      capabilities.staleWriter,
      ...(capabilities.healthChecks.native ? [] : [capabilities.healthChecks.reason]),
    ];
    for (const sentence of sentences) expect(sentence.length, sentence).toBeGreaterThan(10);
    expect(capabilities.rate.perSecond).toBeGreaterThan(0);
    expect(capabilities.rate.burst).toBeGreaterThan(0);
  },
};

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
