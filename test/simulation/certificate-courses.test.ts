import { describe, expect, it } from 'vitest';
import type { WantedCertificate } from '../../src/certificates/model.ts';
import { containing } from '../support/matchers.ts';
import { CALM } from './certificate-ca.ts';
import { createCertificateWorld, type WorldOptions } from './certificate-world.ts';

/* What becomes of certificates when policies, CAs, people and clocks change, in virtual time. */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const never = (): boolean => false;

const certificate = (id: string, more: Partial<WantedCertificate> = {}): WantedCertificate => ({
  id,
  policy: `default/${id}`,
  names: ['a.test'],
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['default/first', 'default/second'],
  challenge: 'auto',
  renewal: { ari: true },
  ...more,
});

async function started(options: Partial<WorldOptions> & Pick<WorldOptions, 'wanted'>) {
  const world = createCertificateWorld({ seed: 7, ...options });
  const hub = await world.startHub();
  const [first, second] = world.cas;
  if (first === undefined || second === undefined) throw new Error('there are two CAs');
  const current = (id = 'cert-1') => world.currentOf(id);
  const issued = (id = 'cert-1') => world.runUntil(() => current(id) !== undefined, HOUR_MS);
  /** Another one than this. */
  const replaced = (serial: string | undefined, mostMs = HOUR_MS) =>
    world.runUntil(() => current()?.serial !== serial, mostMs);
  return { world, hub, first, second, current, issued, replaced };
}

describe('certificates', () => {
  it('are renewed at half of a short life, for the same names, with another key, and say what they replace', async () => {
    const { world, hub, first, current, issued, replaced } = await started({
      wanted: [certificate('cert-1')],
    });
    expect(await issued()).toBe(true);
    const before = current();
    const key = world.store.rows.get('cert-1')?.values['current.key'];
    expect(await replaced(before?.serial, 6 * DAY_MS)).toBe(true);
    const lived = world.nowMs() - (before?.notBeforeMs ?? 0);
    expect(lived).toBeGreaterThan(2.5 * DAY_MS);
    expect(lived).toBeLessThan(3.5 * DAY_MS);
    expect(world.store.rows.get('cert-1')?.values['current.key']).not.toBe(key);
    expect(first.replaced).toEqual([before?.ariId]);
    expect(hub.book.get('cert-1')?.history.map(({ event }) => event)).toEqual(['renewed', 'issued']);
    expect(Object.keys(world.store.rows.get('cert-1')?.values ?? {})).toEqual(['current.crt', 'current.key']);
  });

  it('keep their key when the policy says so, but not after a revocation', async () => {
    const { world, hub, current, issued, replaced } = await started({
      wanted: [certificate('cert-1', { reuseKey: true })],
    });
    await issued();
    const key = (): string | undefined => world.store.rows.get('cert-1')?.values['current.key'];
    const kept = key();
    const force = (): Promise<unknown> =>
      hub.book.write('cert-1', (record) =>
        record === undefined ? undefined : { ...record, forced: { reason: 'a person', atMs: world.nowMs() } },
      );
    const serial = current()?.serial;
    await Promise.all([force(), replaced(serial)]);
    expect(key()).toBe(kept);
    const again = current();
    await Promise.all([
      hub.book.write('cert-1', (record) =>
        record?.current === undefined
          ? record
          : { ...record, current: { ...record.current, revokedAtMs: world.nowMs() } },
      ),
      replaced(again?.serial),
    ]);
    expect(current()?.serial).not.toBe(again?.serial);
    expect(key()).not.toBe(kept);
  });

  it('are replaced at once when the window of the CA moved to the past', async () => {
    const { world, first, current, issued, replaced } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    const before = current();
    const bornMs = before?.notBeforeMs ?? 0;
    first.windows.set(before?.ariId ?? '', { startMs: bornMs + 3 * DAY_MS, endMs: bornMs + 4 * DAY_MS });
    await world.runUntil(never, 2 * HOUR_MS);
    first.windows.set(before?.ariId ?? '', {
      startMs: world.nowMs() - DAY_MS,
      endMs: world.nowMs() - HOUR_MS,
    });
    expect(await replaced(before?.serial, DAY_MS)).toBe(true);
    expect(world.nowMs()).toBeLessThan((before?.issuedAtMs ?? 0) + DAY_MS);
    expect(first.replaced).toEqual([before?.ariId]);
  });

  it('are ordered without what they replace where the CA does not want to hear of it', async () => {
    const { world, first, current, issued, replaced } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    const before = current();
    first.replaced.push(before?.ariId ?? '');
    expect(await replaced(before?.serial, 6 * DAY_MS)).toBe(true);
    expect(current()?.issuer).toBe('default/first');
    expect(world.violations).toEqual([]);
  });

  it('come from the next Issuer while the first is down, and from the first again', async () => {
    const { world, first, current, issued, replaced } = await started({ wanted: [certificate('cert-1')] });
    first.down = true;
    expect(await issued()).toBe(true);
    expect(current()?.issuer).toBe('default/second');
    first.down = false;
    const before = current();
    expect(await replaced(before?.serial, 6 * DAY_MS)).toBe(true);
    expect(current()?.issuer).toBe('default/first');
    expect(world.violations).toEqual([]);
  });

  it('serve what they have while every CA is down, and go on when one is back', async () => {
    const { world, first, second, current, issued } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    const before = current();
    await world.runUntil(never, 2 * DAY_MS);
    first.down = true;
    second.down = true;
    await world.runUntil(never, 2 * DAY_MS);
    expect(current()).toEqual(before);
    first.down = false;
    second.down = false;
    expect(await world.runUntil(() => current()?.serial !== before?.serial, DAY_MS)).toBe(true);
    expect(world.violations).toEqual([]);
  });

  it('for other names are served once they are there, and those before until then', async () => {
    const { world, hub, current, issued, replaced } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    const before = current();
    hub.driver.follow([certificate('cert-1', { names: ['a.test', 'b.test'] })]);
    expect(current()).toEqual(before);
    expect(await replaced(before?.serial)).toBe(true);
    expect(current()?.names).toEqual(['a.test', 'b.test']);
    expect(world.violations).toEqual([]);
  });

  it('that nothing wants any more give up their order at the CA, and go after a while with their keys', async () => {
    const { world, hub, first } = await started({ wanted: [certificate('cert-1')] });
    await world.runUntil(() => hub.book.get('cert-1')?.order?.phase === 'challenged', HOUR_MS);
    hub.driver.follow([]);
    expect(await world.runUntil(() => hub.book.underWay.size === 0, HOUR_MS)).toBe(true);
    expect([...first.orders.values()].map(({ status }) => status)).toEqual(['invalid']);
    expect(world.shownChallenges()).toBe(0);
    expect(await world.runUntil(() => world.store.rows.size === 0, 2 * DAY_MS)).toBe(true);
  });

  it('that were issued stay a day, for a policy that is deleted and created again', async () => {
    const { world, hub, current, issued } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    const before = current();
    hub.driver.follow([]);
    expect(hub.book.source.idsOf('default/cert-1', 'default/east')).toEqual([]);
    await world.runUntil(never, HOUR_MS);
    hub.driver.follow([certificate('cert-1')]);
    expect(hub.book.source.idsOf('default/cert-1', 'default/east')).toEqual(['cert-1']);
    expect(current()).toEqual(before);
    hub.driver.follow([]);
    expect(await world.runUntil(() => world.store.rows.size === 0, 2 * DAY_MS)).toBe(true);
  });

  it('that nothing wants go a day after that, however often the hub starts meanwhile', async () => {
    const { world, hub, current, issued } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    let now = hub;
    hub.driver.follow([]);
    for (let hours = 0; hours < 20; hours += 5) {
      await world.runUntil(never, 5 * HOUR_MS);
      now.kill();
      now = await world.startHub(undefined, []);
    }
    expect(current()).toBeDefined();
    expect(await world.runUntil(() => world.store.rows.size === 0, 5 * HOUR_MS)).toBe(true);
    expect(world.violations).toEqual([]);
  });

  it('that are wanted again have their whole day once nothing wants them any more', async () => {
    const { world, hub, current, issued } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    hub.driver.follow([]);
    await world.runUntil(never, 20 * HOUR_MS);
    expect(hub.book.get('cert-1')?.unwantedSinceMs).toBeDefined();
    hub.driver.follow([certificate('cert-1')]);
    await world.runUntil(never, MINUTE_MS);
    expect(hub.book.get('cert-1')).not.toHaveProperty('unwantedSinceMs');
    hub.driver.follow([]);
    await world.runUntil(never, 20 * HOUR_MS);
    expect(current()).toBeDefined();
    expect(world.violations).toEqual([]);
  });

  it('are asked of the first Issuer again when a person renews what another one gave', async () => {
    const { world, hub, first, current, issued, replaced } = await started({
      wanted: [certificate('cert-1')],
    });
    first.down = true;
    await issued();
    const before = current();
    expect(before?.issuer).toBe('default/second');
    first.down = false;
    const forced = hub.book.write('cert-1', (record) =>
      record === undefined ? record : { ...record, forced: { reason: 'a person', atMs: world.nowMs() } },
    );
    expect(await replaced(before?.serial, 5 * MINUTE_MS)).toBe(true);
    await forced;
    expect(current()?.issuer).toBe('default/first');
    expect(world.violations).toEqual([]);
  });

  it('I22 for the same names wait for each other, and say so', async () => {
    const wanted = [certificate('cert-1'), certificate('cert-2')];
    const { world, hub, issued } = await started({ wanted });
    await world.runUntil(() => hub.book.underWay.size === 1, HOUR_MS);
    await world.runUntil(
      () => hub.driver.activity.get('cert-2')?.doing.startsWith('waits for the order') === true,
      2 * MINUTE_MS,
    );
    expect(hub.driver.activity.get('cert-2')?.doing).toBe(
      'waits for the order of cert-1 (default/cert-1), which has the same names',
    );
    expect(await issued('cert-1')).toBe(true);
    expect(await issued('cert-2')).toBe(true);
    expect(world.violations).toEqual([]);
  });

  it('for a name that nobody here can prove are not ordered, and say which and why', async () => {
    const { world, hub, first, second } = await started({
      wanted: [certificate('cert-1', { names: ['*.b.test', 'a.test'] })],
      cannot: (name) => (name === 'b.test' ? 'no Zone holds it' : undefined),
    });
    await world.runUntil(() => hub.book.get('cert-1')?.failures !== undefined, HOUR_MS);
    expect(hub.book.get('cert-1')?.failures).toMatchObject({
      code: 'CERTIFICATE_NAME_NOT_OURS',
      message: containing('*.b.test: dns-01: no Zone holds it'),
    });
    expect([first.orders.size, second.orders.size]).toEqual([0, 0]);
  });

  it('are revoked, once their replacement is there where that was asked for', async () => {
    const { world, hub, first, current, issued } = await started({ wanted: [certificate('cert-1')] });
    await issued();
    const before = current();
    // Time has to go on for a write to be done.
    const written = hub.book.write('cert-1', (record) =>
      record === undefined || before === undefined
        ? record
        : {
            ...record,
            forced: { reason: 'to be revoked', atMs: world.nowMs() },
            revoking: {
              serial: before.serial,
              issuer: before.issuer,
              certificateDer: Buffer.from(before.serial).toString('base64'),
              reason: 1,
              afterReplacement: true,
              askedAtMs: world.nowMs(),
            },
          },
    );
    expect(await world.runUntil(() => first.revoked.size > 0, HOUR_MS)).toBe(true);
    await written;
    expect(current()?.serial).not.toBe(before?.serial);
    expect([...first.revoked]).toEqual([before?.serial]);
    expect(await world.runUntil(() => hub.book.get('cert-1')?.revoking === undefined, HOUR_MS)).toBe(true);
    expect(hub.book.get('cert-1')?.history.map(({ event }) => event)).toEqual([
      'revoked',
      'renewed',
      'issued',
    ]);
  });

  it('wait a full store out: nothing is asked of a CA whose answer could not be kept', async () => {
    const { world, hub, first, issued } = await started({ wanted: [certificate('cert-1')] });
    world.store.full = true;
    await world.runUntil(never, HOUR_MS);
    expect(hub.driver.stopped).toMatchObject({ code: 'DISK_FULL' });
    expect(first.orders.size).toBe(0);
    world.store.full = false;
    expect(await issued()).toBe(true);
    expect(hub.driver.stopped).toBeUndefined();
  });

  it('I22 are left to the hub that took over', async () => {
    const { world, hub } = await started({ wanted: [certificate('cert-1')] });
    await world.runUntil(() => hub.book.underWay.size === 1, HOUR_MS);
    const next = await world.startHub();
    expect(await world.runUntil(() => next.book.get('cert-1')?.current !== undefined, HOUR_MS)).toBe(true);
    await world.runUntil(never, HOUR_MS);
    expect(hub.driver.stopped).toMatchObject({ code: 'CONFLICT' });
    expect(world.violations).toEqual([]);
  });

  it('are ordered a few at a time', async () => {
    const wanted = Array.from({ length: 40 }, (_, n) =>
      certificate(`cert-${n}`, { names: [`n${n}.test`], issuers: ['default/first'] }),
    );
    const { world, hub } = await started({ wanted, chaos: { ...CALM, slowMs: 200 } });
    let most = 0;
    const all = await world.runUntil(() => {
      most = Math.max(most, hub.book.underWay.size);
      return wanted.every(({ id }) => world.currentOf(id) !== undefined);
    }, HOUR_MS);
    expect(all).toBe(true);
    expect(most).toBe(8);
    expect(world.violations).toEqual([]);
  });
});
