import { afterEach, describe, expect, it } from 'vitest';
import { challengeText } from '../../src/certificates/dns-challenge.ts';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { Running } from '../conformance/provider-harness.ts';
import { google } from '../conformance/providers/google.ts';
import { route53 } from '../conformance/providers/route53.ts';
import { matching } from '../support/matchers.ts';
import { until } from '../support/until.ts';
import { challenge, type Rig, type RigOptions, startRig, textsAt } from './dns-challenges/rig.ts';

const WAIT_MS = 30_000;
const NEVER = new AbortController().signal;
const textOf = (token: string): string => challengeText(`${token}.thumbprint`);

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function started(harness: typeof route53): Promise<Running> {
  const running = await harness.start();
  closers.push(() => running.close());
  return running;
}

async function rigWith(options: RigOptions): Promise<Rig> {
  const rig = startRig(options);
  closers.push(() => rig.close());
  await until(
    'zones were read',
    async () => [...rig.desk.zones.values()].every((z) => z.worker.content !== undefined),
    WAIT_MS,
  );
  return rig;
}

const cname = (from: string, to: string) => ({
  name: parseName(from),
  type: 'CNAME',
  setId: '',
  ttlSeconds: 60,
  values: [parseName(to)],
});

describe('CNAME delegation of challenges', () => {
  it('leads from a zone at one provider into a zone at another: only there the text stands', async () => {
    const [amazon, other] = [await started(route53), await started(google)];
    const name = `shop.${amazon.zone.origin.slice(0, -1)}`;
    const target = `shop.acme.${other.zone.origin}`;
    await amazon.writeForeign(cname(`_acme-challenge.${name}`, target));
    const rig = await rigWith({
      providers: [
        { name: 'amazon', kind: route53.kind, running: amazon },
        { name: 'other', kind: google.kind, running: other },
      ],
    });
    const one = challenge(name, 'a');
    expect(await rig.presenter.can('default', name, NEVER)).toEqual({ ok: true });
    rig.presenter.want([one]);
    await rig.presenter.visible(one, NEVER);
    expect(await textsAt(other, target)).toEqual([textOf('a')]);
    expect(rig.desk.zonesOf('default/amazon')[0]?.worker.state).toMatchObject({ held: [], error: undefined });
    rig.presenter.want([]);
    await until('it is gone', async () => (await textsAt(other, target)).length === 0, WAIT_MS);
  });

  it('is followed outside of our zones, and what does not come to one of them is said', async () => {
    const running = await started(google);
    const { origin } = running.zone;
    const aliases = new Map<string, string>([
      ['_acme-challenge.one.example.net.', 'hop.example.org.'],
      ['hop.example.org.', `one.${origin}`],
      ['_acme-challenge.loop.example.net.', 'loop.example.org.'],
      ['loop.example.org.', '_acme-challenge.loop.example.net.'],
      ['_acme-challenge.dead.example.net.', 'nowhere.example.org.'],
      ...Array.from({ length: 12 }, (_, i) => [`h${i}.example.org.`, `h${i + 1}.example.org.`] as const),
      ['_acme-challenge.far.example.net.', 'h0.example.org.'],
    ]);
    let isSilent = false;
    const rig = await rigWith({
      providers: [{ name: 'main', kind: google.kind, running }],
      aliasOf: async (name) => {
        if (isSilent) throw new PortolanError('NAME_SERVER_SILENT', `nobody says where ${name} leads`);
        const alias = aliases.get(name);
        return alias === undefined ? undefined : parseName(alias);
      },
    });
    const why = async (name: string): Promise<string> => {
      const said = await rig.presenter.can('default', `${name}.example.net`, NEVER);
      return said.ok ? '' : said.why;
    };
    expect(await why('one')).toBe('');
    expect(await why('loop')).toMatch(/lead back to _acme-challenge\.loop\.example\.net/);
    expect(await why('dead')).toBe(
      'no Zone or DNSProvider of namespace default holds nowhere.example.org, where _acme-challenge.dead.example.net leads by CNAME',
    );
    expect(await why('far')).toMatch(/more than 8 CNAME records/);
    expect(await why('none')).toBe(
      'no Zone or DNSProvider of namespace default holds _acme-challenge.none.example.net',
    );
    const one = challenge('one.example.net', 'a');
    const two = challenge('none.example.net', 'b');
    rig.presenter.want([one, two]);
    await rig.presenter.visible(one, NEVER);
    await expect(rig.presenter.visible(two, NEVER)).rejects.toMatchObject({
      code: 'CERTIFICATE_NAME_NOT_OURS',
    });
    // While nobody says where it leads it stays where it was; another one is not lost by that either.
    isSilent = true;
    rig.presenter.want([one]);
    expect(await why('one')).toMatch(/nobody says where/);
    await rig.desk.zonesOf('default/main')[0]?.worker.lookAgain();
    expect(await textsAt(running, `one.${origin}`)).toEqual([textOf('a')]);
  });
});

describe('challenges at a provider that', () => {
  it("is frozen, or has somebody else's wildcard over the name, are refused in words", async () => {
    const [frozen, running] = [await started(route53), await started(google)];
    const { origin } = running.zone;
    await running.writeForeign({
      name: parseName(`*.${origin}`),
      type: 'A',
      setId: '',
      ttlSeconds: 60,
      values: ['192.0.2.1'],
    });
    await running.writeForeign({
      name: parseName(`there.${origin}`),
      type: 'A',
      setId: '',
      ttlSeconds: 60,
      values: ['192.0.2.2'],
    });
    const rig = await rigWith({
      providers: [
        { name: 'frozen', kind: route53.kind, running: frozen, spec: { frozen: true } },
        { name: 'main', kind: google.kind, running },
      ],
    });
    const at = (label: string, of: DomainName): string => `${label}.${of.slice(0, -1)}`;
    const cold = challenge(at('www', frozen.zone.origin), 'a');
    const covered = challenge(at('covered', origin), 'b');
    const there = challenge(at('there', origin), 'c');
    const said = await rig.presenter.can('default', cold.challenge.name, NEVER);
    expect(said).toMatchObject({
      ok: false,
      why: 'DNSProvider default/frozen is frozen: nothing is written there',
    });
    expect(await rig.presenter.can('default', covered.challenge.name, NEVER)).toMatchObject({
      ok: false,
      why: matching(/is answered by the wildcard \*\./),
    });
    expect(await rig.presenter.can('default', there.challenge.name, NEVER)).toEqual({ ok: true });
    rig.presenter.want([cold, covered, there]);
    await expect(rig.presenter.visible(cold, NEVER)).rejects.toMatchObject({ code: 'PROVIDER_FROZEN' });
    await expect(rig.presenter.visible(covered, NEVER)).rejects.toMatchObject({
      code: 'DNS_RECORD_CONFLICT',
    });
    await rig.presenter.visible(there, NEVER);
    expect(await textsAt(running, `_acme-challenge.covered.${origin}`)).toEqual([]);
    if ('why' in running.ask) throw new Error(running.ask.why);
    expect((await running.ask(parseName(`covered.${origin}`), 'A')).answers).toHaveLength(1);
  });

  it('answers late is waited for', async () => {
    const running = await started(route53);
    const rig = await rigWith({ providers: [{ name: 'main', kind: route53.kind, running }] });
    if ('why' in running.faults.latency) throw new Error(running.faults.latency.why);
    running.faults.latency(3_000);
    const one = challenge(running.zone.origin.slice(0, -1), 'a');
    rig.presenter.want([one]);
    await rig.presenter.visible(one, NEVER);
    expect(await textsAt(running, `_acme-challenge.${running.zone.origin}`)).toEqual([textOf('a')]);
    running.faults.latency(0);
  });

  it('takes no requests any more is named, at once where a person has to act, else when patience ends', async () => {
    const [busy, denied] = [await started(google), await started(route53)];
    const rig = await rigWith({
      providers: [
        { name: 'busy', kind: google.kind, running: busy },
        { name: 'denied', kind: route53.kind, running: denied },
      ],
      patienceMs: 1_500,
    });
    if ('why' in busy.faults.throttle || 'why' in denied.faults.revoke) throw new Error('no faults');
    busy.faults.throttle(1);
    await denied.faults.revoke();
    const [first, second] = [
      challenge(busy.zone.origin.slice(0, -1), 'a'),
      challenge(denied.zone.origin.slice(0, -1), 'b'),
    ];
    rig.presenter.want([first, second]);
    await expect(rig.presenter.visible(first, NEVER)).rejects.toMatchObject({
      code: 'CHALLENGE_NOT_VISIBLE',
      message: matching(/default\/busy does not have it/),
    });
    await expect(rig.presenter.visible(second, NEVER)).rejects.toMatchObject({ code: 'PROVIDER_DENIED' });
    busy.faults.throttle(0);
    await until(
      'it stands there in the end',
      async () => (await textsAt(busy, `_acme-challenge.${busy.zone.origin}`)).join() === textOf('a'),
      WAIT_MS,
    );
  });
});
