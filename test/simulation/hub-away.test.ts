import { describe, expect, it } from 'vitest';
import { CONTEXT, cluster, policy, worldOf } from '../../hub/reconcile/testing.ts';
import { type AgentDecision, createAgentDecision, type Ruling } from '../../spoke-agent/decision.ts';
import { TYPE } from '../../src/dns/types.ts';
import { createStateView } from '../../src/health/state-view.ts';
import { DEFAULT_QUORUM, type Target } from '../../src/health/types.ts';
import { decide } from '../../src/routing/decide.ts';
import { countryLocation, UNLOCATED } from '../../src/routing/location.ts';
import { seededRandom } from '../support/random.ts';

/*
 * The hub speaks for a minute and is then silent for a day. Three agents go on: each runs the real decision over what the others and it
 * itself see. Endpoints fail and come back, agents are cut off and come back; the clock is pretended.
 */

const HOUR_MS = 3_600_000;
const HUB_SPEAKS_MS = 60_000;
/** Votes age out, the quorum agrees, both well within this. */
const DECIDED_WITHIN_MS = 15_000;
/** The longest hold, and as long again for what else delays an admission. */
const ADMITTED_WITHIN_MS = 2 * DEFAULT_QUORUM.maxHoldMs + 60_000;

const NAMES = ['de', 'fr', 'us'] as const;
type Name = (typeof NAMES)[number];

const world = worldOf(
  cluster('de', 'DE', '198.51.100.1'),
  cluster('fr', 'FR', '198.51.100.2'),
  cluster('us', 'US', '198.51.100.3'),
  policy('www', ['www.example.com'], ['de', 'fr', 'us'], {
    ttlSeconds: 30,
    minTtlSeconds: 5,
    residency: [{ region: 'EU' }],
  }),
);
const compiled = world.policies.get('default/www')?.routed?.compiled;
const targets = [...world.targets.values()];
const targetOf = (name: Name): Target => {
  const found = targets.find((t) => t.cluster === `default/${name}`);
  if (found === undefined) throw new Error(`no target on ${name}`);
  return found;
};

interface Backend {
  up: boolean;
  sinceMs: number;
  nextMs: number;
}
interface Agent {
  readonly name: Name;
  readonly decision: AgentDecision;
  sequence: number;
  /** Cut off from the others and from every backend but its own. */
  cutSinceMs: number | undefined;
  nextMs: number;
  /** Since when it has been able to hear and to see. */
  wellSinceMs: number;
}

/** As `expect`, but cheap enough for every second of a day. */
function holds(condition: boolean, message: () => string): void {
  if (!condition) expect.fail(message());
}

interface Tally {
  withdrawn: number;
  admitted: number;
  answers: number;
  emergencies: number;
  lowTtl: number;
}

function simulate(seed: number, hours: number): Tally {
  if (compiled === undefined) throw new Error('the policy does not compile');
  const random = seededRandom(seed);
  const between = (low: number, high: number): number => Math.round(low + random() * (high - low));
  const tally: Tally = { withdrawn: 0, admitted: 0, answers: 0, emergencies: 0, lowTtl: 0 };
  const backends = new Map<Name, Backend>(
    NAMES.map((name) => [name, { up: true, sinceMs: 0, nextMs: between(0.05 * HOUR_MS, HOUR_MS) }]),
  );
  const agents = NAMES.map(
    (name): Agent => ({
      name,
      decision: createAgentDecision(),
      sequence: 0,
      cutSinceMs: undefined,
      nextMs: between(0.2 * HOUR_MS, 3 * HOUR_MS),
      wellSinceMs: 0,
    }),
  );
  const last = new Map<string, string>();
  const backend = (name: Name): Backend => backends.get(name) ?? { up: true, sinceMs: 0, nextMs: 0 };
  const quorum = DEFAULT_QUORUM;
  for (const { decision } of agents)
    decision.applySnapshot({ epoch: 1, quorum, targets, drains: [] }, { nowMs: 0, wallMs: 0 });

  for (let now = 0; now < HUB_SPEAKS_MS + hours * HOUR_MS; now += 1_000) {
    const clock = { nowMs: now, wallMs: 1_790_000_000_000 + now };
    const where = (): string => `seed ${seed} at ${now} ms`;
    change(now);
    for (const from of agents) {
      from.sequence += 1;
      for (const to of agents) {
        const cut = from.cutSinceMs !== undefined || to.cutSinceMs !== undefined;
        if (from !== to && (cut || random() < 0.02)) continue;
        to.decision.votes(batchOf(from, now), now);
      }
    }
    const hubSpeaks = now < HUB_SPEAKS_MS;
    for (const agent of agents) {
      if (hubSpeaks) agent.decision.hubBatch(hubBatch(now), clock);
      const ruling = agent.decision.tick(clock);
      if (!hubSpeaks && now > HUB_SPEAKS_MS + 4_000)
        holds(ruling.source === 'quorum', () => `${where()}: ${ruling.source} rules`);
      judge(agent, ruling, now, where);
    }
  }
  return tally;

  /** Backends fail for half a minute to an hour, agents are cut off for ten seconds to half an hour. */
  function change(now: number): void {
    for (const state of backends.values()) {
      if (now < state.nextMs) continue;
      state.up = !state.up;
      state.sinceMs = now;
      state.nextMs = now + (state.up ? between(0.1 * HOUR_MS, 4 * HOUR_MS) : between(30_000, HOUR_MS));
    }
    for (const agent of agents) {
      if (now < agent.nextMs) continue;
      const others = agents.some((a) => a !== agent && a.cutSinceMs !== undefined);
      if (agent.cutSinceMs === undefined && !others) {
        agent.cutSinceMs = now;
        agent.nextMs = now + between(10_000, 0.5 * HOUR_MS);
      } else if (agent.cutSinceMs !== undefined) {
        agent.cutSinceMs = undefined;
        for (const a of agents) a.wellSinceMs = now;
        agent.nextMs = now + between(HOUR_MS, 4 * HOUR_MS);
      }
    }
  }

  function batchOf(from: Agent, now: number) {
    return {
      vantage: `agent/${from.name}`,
      failureDomain: from.name,
      incarnation: 'one',
      sequence: from.sequence,
      connectedAgeMs: from.cutSinceMs === undefined ? 0 : now - from.cutSinceMs,
      complete: true,
      votes: NAMES.map((name) => {
        const seen = from.cutSinceMs === undefined || name === from.name;
        // A vote changes two seconds after what it is about.
        const { up, sinceMs } = backend(name);
        const verdict = seen && (now - sinceMs >= 2_000 ? up : !up) ? ('up' as const) : ('down' as const);
        return { targetId: targetOf(name).id, verdict, ageMs: 100, sinceMs: 1_000, detail: 'pretended' };
      }),
    };
  }

  function hubBatch(now: number) {
    return {
      epoch: 1,
      sequence: 1 + now / 1_000,
      complete: true,
      authoritative: true,
      decisions: targets.map((t) => ({
        targetId: t.id,
        state: 'up' as const,
        degraded: false,
        changedAgoMs: HOUR_MS,
        flaps: 0,
        earliestChangeMs: 2_147_483_647,
        reason: 'the hub says so',
      })),
      drains: [],
      drainsComplete: true,
    };
  }

  function judge(agent: Agent, ruling: Ruling, now: number, where: () => string): void {
    const well = agents.every((a) => a.cutSinceMs === undefined) ? now - agent.wellSinceMs : 0;
    for (const name of NAMES) {
      const state = ruling.targets.get(targetOf(name).id)?.state ?? 'unknown';
      const key = `${agent.name} ${name}`;
      const before = last.get(key);
      if (before === 'up' && state === 'down') tally.withdrawn += 1;
      if (before === 'down' && state === 'up') tally.admitted += 1;
      last.set(key, state);
      const { up, sinceMs } = backend(name);
      const settled = Math.min(now - sinceMs, well);
      if (!up && settled > DECIDED_WITHIN_MS)
        holds(state === 'down', () => `${where()}: ${agent.name} has withdrawn ${name}`);
      if (up && settled > ADMITTED_WITHIN_MS)
        holds(state === 'up', () => `${where()}: ${agent.name} has admitted ${name} again`);
    }
    // Every tenth second is asked: what answers does not change between two rulings.
    if (now % 10_000 === 0) for (const place of ['DE', 'US', 'JP', undefined]) ask(ruling, now, place, where);
  }

  function ask(ruling: Ruling, now: number, place: string | undefined, where: () => string): void {
    if (compiled === undefined) return;
    const view = createStateView(
      {
        targets: ruling.targets,
        drains: ruling.drains,
        lastHealthy: new Map(),
        takenAtMs: ruling.atMs,
        freshAtMs: ruling.freshAtMs,
      },
      () => now,
    );
    const located =
      place === undefined ? UNLOCATED : { location: countryLocation(place), prefixLength: 24, exact: true };
    const decision = decide(compiled, { qtype: TYPE.A, located }, view, random);
    tally.answers += 1;
    holds(decision.answers.length > 0, () => `${where()}: ${place} is answered`);
    const endpoints = decision.answers.flatMap((a) => (a.kind === 'maintenance' ? [] : [a.endpoint]));
    const inEu = place === 'DE' || place === undefined;
    if (inEu) holds(!endpoints.includes('us'), () => `${where()}: ${place} stays inside EU`);
    const admitted = (inEu ? (['de', 'fr'] as const) : NAMES).filter(
      (name) => ruling.targets.get(targetOf(name).id)?.state === 'up',
    );
    if (admitted.length > 0)
      holds(
        endpoints.every((e) => admitted.some((a) => a === e)),
        () => `${where()}: ${place} gets a healthy endpoint`,
      );
    else tally.emergencies += 1;
    if (now - ruling.freshAtMs > 31_000) {
      holds(
        decision.ttlSeconds === 5,
        () => `${where()}: the TTL is low while nobody speaks for the configuration`,
      );
      tally.lowTtl += 1;
    }
  }
}

describe('the hub is away', () => {
  it.each([
    [1, 24],
    [2, 6],
    [3, 6],
    [4, 6],
  ])(
    'I9 seed %i: for %i h agents go on withdrawing and admitting, every place is answered, residency holds',
    (seed, hours) => {
      expect(CONTEXT.regions.EU).toContain('DE');
      const tally = simulate(seed, hours);
      console.log(`hub away, seed ${seed}, ${hours} h:`, JSON.stringify(tally));
      // It all happened, or it shows nothing.
      expect(tally.withdrawn).toBeGreaterThan(hours / 2);
      expect(tally.admitted).toBeGreaterThan(hours / 2);
      expect(tally.lowTtl).toBeGreaterThan(hours * 1_000);
    },
  );
});
