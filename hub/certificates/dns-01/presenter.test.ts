import { describe, expect, it } from 'vitest';
import { challengeText } from '../../../src/certificates/dns-challenge.ts';
import { RCODE, TYPE } from '../../../src/dns/types.ts';
import type { ParsedInput } from '../../../src/resources/validate.ts';
import { matching } from '../../../test/support/matchers.ts';
import { createVirtualClock } from '../../providers/virtual-clock.ts';
import { worldOf, zone } from '../../reconcile/testing.ts';
import type { Ask } from '../../verify/ask.ts';
import type { WantedChallenge } from '../contract.ts';
import { createDns01Presenter } from './presenter.ts';
import { createChallengeTexts } from './texts.ts';
import type { EmbeddedServer } from './visible-in-zone.ts';

const NEVER = new AbortController().signal;
const VALUE = challengeText('t.print');

function challenge(name: string, keyAuthorization = 't.print', namespace = 'default'): WantedChallenge {
  return {
    namespace,
    certificate: 'cert-1',
    challenge: {
      name,
      wildcard: false,
      type: 'dns-01',
      authorizationUrl: 'https://ca.example/1',
      challengeUrl: 'https://ca.example/2',
      token: 't',
      keyAuthorization,
    },
  };
}

/** A presenter with embedded Zones alone; the publication is the test's. */
function presenterFor(...documents: readonly ParsedInput[]) {
  const clock = createVirtualClock();
  const texts = createChallengeTexts(() => undefined);
  const servers: EmbeddedServer[] = [];
  /** By address: what it answers; nothing there: it is silent. */
  const answers = new Map<string, readonly string[]>();
  const asked: string[] = [];
  let isAuthoritative = true;
  const ask: Ask = async ({ address }, { name }) => {
    asked.push(`${address} ${name}`);
    const data = answers.get(address);
    if (data === undefined) return { kind: 'silent', why: 'no answer' };
    return {
      kind: 'answer',
      rcode: RCODE.NOERROR,
      authoritative: isAuthoritative,
      records: data.map((text) => ({ type: TYPE.TXT, ttlSeconds: 60, data: `"${text}"` })),
    };
  };
  const world = worldOf(...documents);
  const presenter = createDns01Presenter({
    world: () => (at.isStarting ? undefined : world),
    desk: { zones: new Map(), problemOf: () => undefined, started: true },
    texts,
    aliasOf: async () => undefined,
    ask,
    guard: {
      check(host) {
        if (host === '169.254.169.254') throw new Error('forbidden');
      },
      lookup: () => undefined,
    },
    servers: () => servers,
    clock,
  });
  const at = {
    isStarting: false,
    presenter,
    texts,
    clock,
    servers,
    answers,
    asked,
    notOurs() {
      isAuthoritative = false;
    },
    server(label: string, address: string, sequence: number, connected = true) {
      const found = servers.findIndex((one) => one.label === label);
      const next = { label, sequence, connected, addresses: [{ label, address, port: 53 }] };
      if (found < 0) servers.push(next);
      else servers[found] = next;
    },
    publish: (sequence: number) => texts.published(texts.texts, sequence),
  };
  return at;
}

describe('a challenge in an embedded Zone', () => {
  it('is visible once every connected server confirmed the content and none answers without it', async () => {
    const at = presenterFor(zone('main', 'example.com.'));
    at.server('the hub', '192.0.2.1', 4);
    at.server('the agent of default/eu', '192.0.2.2', 4);
    at.server('the agent of default/away', '192.0.2.3', 1, false);
    at.answers.set('192.0.2.1', [VALUE]);
    at.answers.set('192.0.2.2', [VALUE]);
    at.answers.set('192.0.2.53', []);
    const one = challenge('shop.example.com');
    at.presenter.want([one]);
    await at.clock.pass(100);
    expect(at.texts.texts).toEqual([
      { namespace: 'default', name: '_acme-challenge.shop.example.com.', values: [VALUE] },
    ]);
    let isVisible = false;
    const visible = at.presenter.visible(one, NEVER).then(() => {
      isVisible = true;
    });
    at.publish(5);
    await at.clock.pass(10_000);
    // Nobody is asked before the content is confirmed: a negative answer would be remembered.
    expect(at.asked).toEqual([]);
    at.server('the hub', '192.0.2.1', 5);
    at.server('the agent of default/eu', '192.0.2.2', 9);
    await at.clock.pass(10_000);
    // A copy at an address that the Zone names.
    expect(isVisible).toBe(false);
    expect(at.asked.some((line) => line.startsWith('192.0.2.53 '))).toBe(true);
    at.answers.set('192.0.2.53', [VALUE, 'another']);
    await at.clock.pass(10_000);
    await visible;
    expect(at.asked.filter((line) => line.startsWith('192.0.2.3 '))).toHaveLength(1);
    await at.presenter.close();
  });

  it('names who lacks it when ten minutes are over', async () => {
    const at = presenterFor(zone('main', 'example.com.'));
    at.server('the hub', '192.0.2.1', 5);
    at.server('the agent of default/eu', '192.0.2.2', 4);
    const one = challenge('example.com');
    at.presenter.want([one]);
    await at.clock.pass(100);
    at.publish(5);
    const visible = expect(at.presenter.visible(one, NEVER)).rejects.toMatchObject({
      code: 'CHALLENGE_NOT_VISIBLE',
      message: matching(/the agent of default\/eu answers from content 4, and it is in 5/),
    });
    await at.clock.pass(620_000);
    await visible;
    await at.presenter.close();
  });

  it('does not wait for resolvers at the addresses of a Zone, nor asks forbidden ones', async () => {
    const servers = { nameServers: [{ name: 'ns.example.com.', addresses: ['169.254.169.254'] }] };
    const main = zone('main', 'example.com.');
    const at = presenterFor({ ...main, spec: { ...main.spec, ...servers } } as ParsedInput);
    at.server('the hub', '192.0.2.1', 5);
    at.answers.set('192.0.2.1', []);
    at.notOurs();
    const one = challenge('example.com');
    at.presenter.want([one]);
    await at.clock.pass(100);
    at.publish(5);
    await at.presenter.visible(one, NEVER);
    expect(at.asked.map((line) => line.split(' ')[0])).toEqual(['192.0.2.1']);
    await at.presenter.close();
  });

  it('is in the very first publication of a hub that starts while a CA may be looking', async () => {
    const at = presenterFor(zone('main', 'example.com.'));
    at.isStarting = true;
    at.presenter.want([challenge('example.com')]);
    expect(at.texts).toMatchObject({ texts: [{ values: [VALUE] }], complete: false });
    const first = at.texts.texts;
    await at.clock.pass(5_000);
    expect(at.texts).toMatchObject({ texts: first, complete: false });
    at.isStarting = false;
    at.presenter.worldChanged();
    await at.clock.pass(100);
    expect(at.texts.complete).toBe(true);
    expect(at.texts.texts).toBe(first);
    await at.presenter.close();
  });

  it('keeps values of one name apart, and drops each by itself', async () => {
    const at = presenterFor(zone('main', 'example.com.'));
    const [one, two] = [challenge('example.com', 'a.x'), challenge('example.com', 'b.x')];
    at.presenter.want([one, two, one]);
    await at.clock.pass(100);
    expect(at.texts.texts).toMatchObject([{ values: [challengeText('a.x'), challengeText('b.x')].sort() }]);
    expect(at.texts.complete).toBe(true);
    at.presenter.want([two]);
    await at.clock.pass(100);
    expect(at.texts.texts).toMatchObject([{ values: [challengeText('b.x')] }]);
    at.presenter.want([]);
    await at.clock.pass(100);
    expect(at.texts).toMatchObject({ texts: [], complete: true });
    await at.presenter.close();
  });

  it('is refused in words where the Zone is of another namespace, or the name cannot hold a text', async () => {
    const at = presenterFor(
      zone('theirs', 'example.org.', [], 'other'),
      zone('main', 'example.com.', [
        { name: '_acme-challenge.alias', type: 'CNAME', data: ['x.example.org.'] },
        { name: 'cut', type: 'NS', data: ['ns.example.net.'] },
      ]),
    );
    const why = async (name: string) => {
      const said = await at.presenter.can('default', name, NEVER);
      return said.ok ? 'ok' : said.why;
    };
    expect(await why('example.org')).toBe(
      '_acme-challenge.example.org lies in Zone other/theirs of another namespace than default',
    );
    expect(await why('alias.example.com')).toMatch(
      /^x\.example\.org, where .* leads by CNAME lies in Zone other/,
    );
    expect(await why('cut.example.com')).toMatch(/cut\.example\.com\. is delegated to other servers/);
    expect(await why('*.www.example.com')).toBe('ok');
    expect(await why('example.net')).toBe(
      'no Zone or DNSProvider of namespace default holds _acme-challenge.example.net',
    );
    const far = challenge('example.org');
    at.presenter.want([far]);
    await expect(at.presenter.visible(far, NEVER)).rejects.toMatchObject({
      code: 'CERTIFICATE_NAME_NOT_OURS',
    });
    await at.presenter.close();
  });

  it('stops waiting when nobody wants to know any more', async () => {
    const at = presenterFor(zone('main', 'example.com.'));
    const stop = new AbortController();
    const visible = at.presenter.visible(challenge('example.com'), stop.signal);
    stop.abort(new Error('enough'));
    await expect(visible).rejects.toThrow('enough');
    await at.presenter.close();
  });
});
