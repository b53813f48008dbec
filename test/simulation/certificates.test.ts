import { describe, expect, it } from 'vitest';
import type { WantedCertificate } from '../../src/certificates/model.ts';
import { seededRandom } from '../support/random.ts';
import type { Chaos } from './certificate-ca.ts';
import { CERTIFICATE_MUTANTS, type CertificateMutant } from './certificate-mutants.ts';
import {
  type CertificateWorld,
  createCertificateWorld,
  type Death,
  type ModelHub,
} from './certificate-world.ts';
import { seedCount } from './seed-count.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const certificate = (id: string, names: readonly string[]): WantedCertificate => ({
  id,
  policy: 'default/web',
  names,
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['default/first', 'default/second'],
  challenge: 'auto',
  renewal: { ari: true },
});

/** The last two want the same names: one at a time. */
const WANTED = [
  certificate('cert-1', ['*.a.test', 'a.test']),
  certificate('cert-2', ['c.test']),
  certificate('cert-3', ['c.test']),
];
const allIssued = (world: CertificateWorld): boolean =>
  WANTED.every(({ id }) => world.currentOf(id) !== undefined);

/** A hub dies at one place, and the next one goes on. */
async function afterDeath(
  death: Death,
  how: { remembers: 'lists' | 'same'; mutant?: CertificateMutant | undefined },
) {
  const world = createCertificateWorld({ seed: death.count, wanted: WANTED, ...how });
  const hub = await world.startHub(death);
  await world.runUntil(() => hub.dead || allIssued(world), HOUR_MS);
  await world.startHub();
  if (!(await world.runUntil(() => allIssued(world), HOUR_MS))) world.violations.push('not all were issued');
  return { died: hub.dead, violations: world.violations, shown: world.shownChallenges() };
}

async function everyDeath(
  at: Death['at'],
  how: { remembers: 'lists' | 'same'; mutant?: CertificateMutant | undefined },
): Promise<{ readonly places: number; readonly violations: readonly string[] }> {
  const violations: string[] = [];
  let places = 0;
  for (const when of ['before', 'after'] as const)
    for (let count = 1; ; count += 1) {
      const result = await afterDeath({ at, count, when }, how);
      if (!result.died) break;
      places += 1;
      violations.push(...result.violations.map((text) => `${when} ${at} ${count}: ${text}`));
      if (result.shown > 0) violations.push(`${when} ${at} ${count}: ${result.shown} challenges stay`);
    }
  return { places, violations };
}

const ROUGH: Chaos = {
  badNonce: 0.3,
  rateLimited: 0.05,
  lostAnswer: 0.05,
  lostRequest: 0.05,
  slowMs: 3_000,
  reuse: 0.5,
};

/** Days of everything at once; what happens is drawn from the seed. */
async function roughDays(seed: number) {
  const random = seededRandom(seed ^ 0x5eed);
  const world = createCertificateWorld({
    seed,
    wanted: WANTED,
    chaos: ROUGH,
    remembers: seed % 2 === 0 ? 'lists' : 'same',
    lifeMs: 2 * DAY_MS,
    presenterFails: 0.2,
  });
  let hub: ModelHub = await world.startHub();
  const never = (): boolean => false;
  const [first, second] = world.cas;
  for (let hour = 0; hour < 8 * 24; hour += 2) {
    await world.runUntil(never, random() * 2 * HOUR_MS);
    const drawn = random();
    if (drawn < 0.1) {
      // In the middle of something, if anything is under way.
      await world.runUntil(() => hub.book.underWay.size > 0, 2 * HOUR_MS);
      await world.runUntil(never, random() * 10_000);
      hub.kill();
      await world.runUntil(never, random() * 30 * MINUTE_MS);
      hub = await world.startHub();
    } else if (drawn < 0.2) {
      // The one before does not know yet that it was replaced.
      await world.runUntil(() => hub.book.underWay.size > 0, 2 * HOUR_MS);
      hub = await world.startHub();
    } else if (drawn < 0.25) world.stepClock((random() - 0.5) * 2 * HOUR_MS);
    else if (drawn < 0.35 && first !== undefined && second !== undefined) {
      const down = random() < 0.5 ? first : second;
      down.down = true;
      await world.runUntil(never, random() * 12 * HOUR_MS);
      down.down = false;
    } else if (drawn < 0.4) {
      world.store.full = true;
      await world.runUntil(never, random() * HOUR_MS);
      world.store.full = false;
    } else if (drawn < 0.5)
      for (const { id } of WANTED) {
        const ariId = world.currentOf(id)?.ariId;
        const nowMs = world.nowMs();
        if (ariId !== undefined)
          for (const ca of world.cas)
            ca.windows.set(ariId, { startMs: nowMs - HOUR_MS, endMs: nowMs - MINUTE_MS });
      }
  }
  const settled = await world.runUntil(() => allIssued(world) && hub.book.underWay.size === 0, DAY_MS);
  if (!settled) world.violations.push('orders never came to an end');
  return {
    world,
    hub,
    issued: world.cas.map((ca) => [...ca.orders.values()].filter((o) => o.status === 'valid').length),
  };
}

describe('I22 ACME orders, over every death of the hub', () => {
  it.each([
    ['write', 'lists'],
    ['write', 'same'],
    ['request', 'lists'],
    ['request', 'same'],
  ] as const)(
    'a hub that dies at any %s goes on, where the CA %s: one order, no key lost',
    async (at, remembers) => {
      const { places, violations } = await everyDeath(at, { remembers });
      expect(violations).toEqual([]);
      // Of three certificates: each phase of each is among them.
      expect(places).toBeGreaterThan(20);
    },
  );

  it.each(Array.from({ length: seedCount(4) }, (_, i) => i + 1))(
    'days of bad nonces, 429s, lost answers, dead and replaced hubs, full disks and CAs that are down leave one order in flight and nothing run out (seed %i)',
    async (seed) => {
      const { world, issued } = await roughDays(seed);
      expect(world.violations).toEqual([]);
      expect(issued.reduce((a, b) => a + b)).toBeGreaterThan(6);
      expect(world.cas.flatMap(({ replaced }) => replaced).length).toBeGreaterThan(0);
    },
  );
});

/** What a short life of hubs shows of a mistake. */
async function seenOf(mutant: CertificateMutant): Promise<readonly string[]> {
  for (let count = 1; count < 40; count += 1) {
    const world = createCertificateWorld({ seed: count, wanted: WANTED, mutant, remembers: 'lists' });
    const hub = await world.startHub({ at: 'write', when: 'before', count });
    await world.runUntil(() => hub.dead || allIssued(world), HOUR_MS);
    await world.startHub();
    // Another one takes over while it is at it.
    await world.runUntil(() => false, count * 200);
    await world.startHub();
    await world.runUntil(() => world.violations.length > 0 || allIssued(world), HOUR_MS);
    if (world.violations.length > 0) return world.violations;
  }
  return [];
}

describe('I22 the simulation tells', () => {
  it.each(Object.entries(CERTIFICATE_MUTANTS))('%s: %s', async (mutant) => {
    expect(await seenOf(mutant as CertificateMutant)).not.toEqual([]);
  });

  it('no mistake where there is none', async () => {
    const violations: string[] = [];
    for (let count = 1; count < 40; count += 1) {
      const world = createCertificateWorld({ seed: count, wanted: WANTED, remembers: 'lists' });
      await world.startHub();
      await world.runUntil(() => false, count * 200);
      await world.startHub();
      await world.runUntil(() => allIssued(world), HOUR_MS);
      violations.push(...world.violations);
    }
    expect(violations).toEqual([]);
  });
});
