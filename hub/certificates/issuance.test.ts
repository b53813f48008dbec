import { describe, expect, it } from 'vitest';
import type { AskedOrder } from '../../src/certificates/limits.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { issuerSpec } from '../../src/resources/issuer.ts';
import type { StoredCertificate } from '../store/contract.ts';
import { createIssuance, type Issuance } from './issuance.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 10, 22);

const LE = issuerSpec.parse({
  acme: { directory: 'https://acme-v02.api.letsencrypt.org/directory', termsOfServiceAgreed: true },
});
const OWN = issuerSpec.parse({
  acme: { directory: 'https://ca.example/directory', termsOfServiceAgreed: true },
});

const order = (i: number, account = 'shop/le'): AskedOrder => ({
  certificate: `cert-${i}`,
  account,
  names: [`h${i}.example.com`],
  renews: 'nothing',
});

/** Rows as the store keeps them, versions checked as it checks them. */
function memoryStore() {
  const rows = new Map<string, StoredCertificate>();
  const state = { writes: 0, octets: 0, fails: 0 };
  return {
    rows,
    state,
    store: {
      epoch: 1,
      listCertificates: async () => [...rows.values()],
      putCertificates: async (
        writes: readonly {
          readonly key: StoredCertificate['key'];
          readonly version: number;
          readonly state: string | null;
        }[],
      ) => {
        if (state.fails > 0) {
          state.fails -= 1;
          throw new PortolanError('DISK_FULL', 'the disk is full');
        }
        for (const { key, version } of writes)
          if (version !== (rows.get(key.name)?.version ?? 0) + 1)
            throw new PortolanError('CONFLICT', `${key.name} is at another version`);
        for (const write of writes) {
          state.writes += 1;
          state.octets += write.state?.length ?? 0;
          if (write.state === null) rows.delete(write.key.name);
          else rows.set(write.key.name, { key: write.key, version: write.version, state: write.state });
        }
      },
    },
  };
}

function issuanceOver(store: ReturnType<typeof memoryStore>['store']): Issuance {
  return createIssuance({
    store,
    issuer: (key) => (key.endsWith('/le') ? LE : OWN),
    log: { warn: () => undefined },
  });
}

async function issue(issuance: Issuance, each: AskedOrder, atMs: number): Promise<void> {
  issuance.ordered(each, atMs);
  issuance.ended(each, { issued: true }, atMs);
  await issuance.saved();
}

describe('what was asked of CAs', () => {
  it('counts on after a restart, over Issuers of the same directory', async () => {
    const memory = memoryStore();
    const first = issuanceOver(memory.store);
    for (let i = 0; i < 50; i += 1) await issue(first, order(i), NOW + i);
    expect(first.mayOrder(order(99), NOW + HOUR)).toMatchObject({ ok: false, atMs: NOW + 7 * DAY });
    const second = issuanceOver(memory.store);
    await second.load(NOW + HOUR);
    expect(second.mayOrder(order(99, 'other/le'), NOW + HOUR)).toEqual({
      ok: false,
      atMs: NOW + 7 * DAY,
      why: 'this would be certificate 51 of 50 in 7 days for example.com: waits until 2026-11-29T00:00:00Z',
    });
    expect(second.mayOrder(order(99), NOW + 8 * DAY)).toEqual({ ok: true });
  });

  it('an order that an earlier process asked for counts while it is under way, and is over when it ended', async () => {
    const issuance = issuanceOver(memoryStore().store);
    for (let i = 0; i < 50; i += 1) issuance.resumed(order(i), NOW);
    expect(issuance.mayOrder(order(99), NOW).ok).toBe(false);
    issuance.ended(order(3), { issued: false, failed: [] }, NOW);
    expect(issuance.mayOrder(order(99), NOW).ok).toBe(true);
  });

  it('an event costs the same however many there are, and old ones go', async () => {
    const { store, state, rows } = memoryStore();
    const issuance = issuanceOver(store);
    for (let i = 0; i < 1_000; i += 1) await issue(issuance, order(i), NOW + i * 60_000);
    expect(state.octets / state.writes).toBeLessThan(20_000);
    expect(rows.size).toBeGreaterThan(15);
    await issue(issuance, order(1_001), NOW + 30 * DAY);
    await issue(issuance, order(1_002), NOW + 30 * DAY);
    expect(rows.size).toBeLessThanOrEqual(2);
  });

  it('a store that fails loses nothing: it is written with what comes next', async () => {
    const { store, state } = memoryStore();
    const issuance = issuanceOver(store);
    state.fails = 1;
    await issue(issuance, order(1), NOW);
    expect(issuance.stats.writeFailures).toBe(1);
    await issue(issuance, order(2), NOW);
    const again = issuanceOver(store);
    await again.load(NOW);
    expect(again.stats.events).toBe(issuance.stats.events);
    expect(again.stats.events).toBeGreaterThan(4);
  });

  it('a damaged part is left out and never written over', async () => {
    const { store, rows } = memoryStore();
    const issuance = issuanceOver(store);
    await issue(issuance, order(1), NOW);
    const [[name, row] = ['', undefined]] = rows;
    if (row !== undefined) rows.set(name, { ...row, state: '{"events":[{}]}' });
    const again = issuanceOver(store);
    await again.load(NOW);
    await issue(again, order(2), NOW);
    expect(rows.get(name)?.state).toBe('{"events":[{}]}');
    expect(rows.size).toBe(2);
  });

  it('where no limit is known nothing is kept, and every order may be made', async () => {
    const { store, rows } = memoryStore();
    const issuance = issuanceOver(store);
    for (let i = 0; i < 100; i += 1) await issue(issuance, order(i, 'shop/own'), NOW);
    expect(issuance.mayOrder(order(1, 'shop/own'), NOW)).toEqual({ ok: true });
    expect(rows.size).toBe(0);
  });

  it('a forecast of many tells which wait', () => {
    const issuance = issuanceOver(memoryStore().store);
    const verdicts = issuance.forecast(
      Array.from({ length: 60 }, (_, i) => order(i)),
      NOW,
    );
    expect(verdicts.filter(({ atMs }) => atMs > NOW)).toHaveLength(10);
  });
});
