import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryStore } from '../../hub/providers/zone-worker-fixture.ts';
import { challengeText } from '../../src/certificates/dns-challenge.ts';
import { parseName } from '../../src/dns/name.ts';
import { txtValue } from '../../src/plan/txt-value.ts';
import type { Running } from '../conformance/provider-harness.ts';
import { HARNESSES } from '../conformance/providers/index.ts';
import { until } from '../support/until.ts';
import { challenge, type Rig, startRig, textsAt } from './dns-challenges/rig.ts';

const WAIT_MS = 30_000;
const NEVER = new AbortController().signal;
const txtOf = (token: string): string => challengeText(`${token}.thumbprint`);

/** Two that differ by their server only are asked once. */
const SERVERS = HARNESSES.filter(({ name }) => !/moto|Traffic Manager|LUA|lua|embedded/.test(name));
const states = new Map(
  await Promise.all(SERVERS.map(async (one) => [one.name, await one.server()] as const)),
);

describe.each(SERVERS)('challenges at $name', (harness) => {
  const state = states.get(harness.name);
  const there = state?.available === true;
  let running: Running;
  let origin = '';
  const store = memoryStore();
  let rig: Rig;
  const name = (label: string): string => `${label}.${origin}`;

  beforeAll(async () => {
    if (!there) return;
    running = await harness.start();
    origin = running.zone.origin.slice(0, -1);
    rig = startRig({ providers: [{ name: 'main', kind: harness.kind, running }], store });
  });
  afterAll(async () => {
    await rig?.close();
    await running?.close();
  });

  it.skipIf(!there)(
    'stand side by side, are seen at the servers, and go one by one',
    async () => {
      const [apex, wildcard, other] = [
        challenge(origin, 'a'),
        challenge(origin, 'b', { wildcard: true }),
        challenge(name('shop'), 'c'),
      ];
      const at = `_acme-challenge.${origin}`;
      expect(await rig.presenter.can('default', name('shop'), NEVER)).toEqual({ ok: true });
      rig.presenter.want([apex, wildcard, other]);
      await Promise.all([apex, wildcard, other].map((one) => rig.presenter.visible(one, NEVER)));
      expect(await textsAt(running, at)).toEqual([txtOf('a'), txtOf('b')].sort());
      expect(await textsAt(running, `_acme-challenge.shop.${origin}`)).toEqual([txtOf('c')]);
      rig.presenter.want([wildcard, other]);
      await until('one goes', async () => (await textsAt(running, at)).join() === txtOf('b'), WAIT_MS);
      rig.presenter.want([]);
      await until('all are gone', async () => (await textsAt(running, at)).length === 0, WAIT_MS);
      await until(
        'the other one too',
        async () => (await textsAt(running, `_acme-challenge.shop.${origin}`)).length === 0,
        WAIT_MS,
      );
      const [zone] = rig.desk.zones.values();
      expect(zone?.worker.state.memory.history).toEqual([]);
    },
    60_000,
  );

  it.skipIf(!there)(
    "I8 beside somebody else's text: it is not touched, and the error names it",
    async () => {
      const at = parseName(`_acme-challenge.taken.${origin}`);
      const foreign = {
        name: at,
        type: 'TXT',
        setId: '',
        ttlSeconds: 60,
        values: [txtValue('of cert-manager')],
      };
      await running.writeForeign(foreign);
      const [zone] = rig.desk.zones.values();
      await zone?.worker.lookAgain();
      expect(await rig.presenter.can('default', name('taken'), NEVER)).toMatchObject({ ok: false });
      const one = challenge(name('taken'), 'd');
      rig.presenter.want([one]);
      await expect(rig.presenter.visible(one, NEVER)).rejects.toMatchObject({ code: 'RECORDS_FOREIGN' });
      expect(await textsAt(running, at)).toEqual(['of cert-manager']);
      rig.presenter.want([]);
      await running.deleteForeign(foreign);
    },
    60_000,
  );

  it.skipIf(!there)(
    'are cleaned up by the next hub when this one dies',
    async () => {
      const at = `_acme-challenge.${name('left')}`;
      const one = challenge(name('left'), 'e');
      const still = challenge(name('left'), 'f');
      rig.presenter.want([one, still]);
      await rig.presenter.visible(one, NEVER);
      await rig.close();
      rig = startRig({ providers: [{ name: 'main', kind: harness.kind, running }], store, epoch: 2 });
      const [zone] = rig.desk.zones.values();
      await zone?.worker.lookAgain();
      // Nobody has said yet what is wanted: a certificate may be waiting for it.
      expect(await textsAt(running, at)).toEqual([txtOf('e'), txtOf('f')].sort());
      rig.presenter.want([still]);
      await until(
        'what is over goes',
        async () => (await textsAt(running, at)).join() === txtOf('f'),
        WAIT_MS,
      );
      rig.presenter.want([]);
      await until('all of it goes', async () => (await textsAt(running, at)).length === 0, WAIT_MS);
    },
    60_000,
  );
});
