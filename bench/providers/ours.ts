import { systemProviderClock } from '../../hub/providers/clock.ts';
import { enact } from '../../hub/providers/enactor.ts';
import type { Capabilities, Provider, ProviderZone, ZoneContent } from '../../providers/contract.ts';
import { parseName } from '../../src/dns/name.ts';
import { packPlan } from '../../src/plan/batches.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import type { ZonePlan } from '../../src/plan/zone-plan.ts';

/** What the hub does with a zone, without the hub around it: read, plan, send. */
export interface OurZone {
  /** @returns milliseconds from wanting it to the provider having it */
  sync(names: ReadonlyMap<string, readonly string[]>): Promise<number>;
  /** Reads the zone as every few minutes, to find what others changed. */
  readAgain(): Promise<number>;
  /** Requests that the last plan takes at least, by the provider's own limits. */
  readonly fewest: number;
}

export function ourZone(provider: Provider, capabilities: Capabilities, zone: ProviderZone): OurZone {
  const signal = new AbortController().signal;
  let content: ZoneContent | undefined;
  let generation = 0;
  let fewest = 0;
  return {
    async sync(names) {
      const started = performance.now();
      content ??= await provider.read(zone, signal);
      const readAtMs = performance.now();
      generation += 1;
      const plan = planZone({
        origin: zone.origin,
        owner: 'bench',
        fence: { epoch: 1, generation },
        current: content.sets,
        desired: [...names].map(([label, values]) => {
          const name = parseName(`${label}.${zone.origin}`);
          return {
            name,
            resource: `trafficpolicy/bench/${label}`,
            sets: [{ name, type: 'A', setId: '', ttlSeconds: 30, values: values.toSorted() }],
            types: ['A', 'AAAA', 'CNAME'],
            shared: false,
          };
        }),
        adopted: new Map(),
        deletions: 'allow',
        maxRemovedPercent: 30,
        approved: new Set(),
      });
      fewest = fewestRequests(plan, capabilities);
      const done = await enact({
        provider,
        capabilities,
        zone,
        plan,
        content,
        readAtMs,
        clock: systemProviderClock,
        random: Math.random,
        signal,
        isNewest: () => true,
      });
      if (done.end !== 'applied' || done.held.length > 0) {
        throw new Error(`${done.end}: ${done.failure?.message ?? JSON.stringify(done.held.slice(0, 3))}`);
      }
      content = done.content;
      return performance.now() - started;
    },
    async readAgain() {
      const started = performance.now();
      content = await provider.read(zone, signal);
      return performance.now() - started;
    },
    get fewest() {
      return fewest;
    },
  };
}

/** Of the sums of changes and octets alone: no packing can do with fewer. */
function fewestRequests(plan: ZonePlan, { batch }: Capabilities): number {
  const { batches } = packPlan(plan, batch);
  let changes = 0;
  let octets = 0;
  for (const { groups, fence } of batches) {
    for (const change of [...groups.flatMap((group) => group.changes), fence]) {
      const cost = batch.cost(change);
      changes += cost.changes;
      octets += cost.octets;
    }
  }
  return Math.max(Math.ceil(changes / batch.maxChanges), Math.ceil(octets / batch.maxOctets));
}
