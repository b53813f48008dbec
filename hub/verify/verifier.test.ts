import { afterEach, describe, expect, it } from 'vitest';
import type { OutboundGuard, ProviderZone } from '../../providers/contract.ts';
import type { ClientAddress } from '../../src/dns/client.ts';
import { parseName } from '../../src/dns/name.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { type DnsProviderSpec, dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { containing, matching } from '../../test/support/matchers.ts';
import { createVirtualClock } from '../providers/virtual-clock.ts';
import type { Ask } from './ask.ts';
import type { ExpectedAnswer, Observed } from './judge.ts';
import { createVerifier, type Verifier, type VerifyRequest } from './verifier.ts';

const WWW = parseName('www.example.com');
const ZONE: ProviderZone = {
  origin: parseName('example.com'),
  id: 'Z1',
  private: false,
  nameServers: [parseName('ns1.example.net'), parseName('ns2.example.net')],
};
const GERMANY: ClientAddress = {
  family: 4,
  bytes: Uint8Array.of(85, 214, 0, 0),
  prefixLength: 24,
  source: 'ecs',
};

const open: Verifier[] = [];
afterEach(async () => {
  for (const verifier of open.splice(0)) await verifier.close();
});

function settings(verify: Partial<DnsProviderSpec['verify']> = {}): DnsProviderSpec['verify'] {
  const spec = dnsProviderSpec.parse({
    zones: [{ origin: 'example.com' }],
    rfc2136: { server: '192.0.2.53', tsigSecret: 'key' },
    verify: { timeoutSeconds: 10, ...verify },
  });
  return spec.verify;
}

const guard: OutboundGuard = {
  check: () => undefined,
  lookup: (host, _options, callback) =>
    callback(null, [{ address: host === 'ns1.example.net' ? '192.0.2.1' : '192.0.2.2', family: 4 }]),
};

function answered(...data: readonly string[]): Observed {
  return {
    kind: 'answer',
    rcode: RCODE.NOERROR,
    authoritative: true,
    records: data.map((value) => ({ type: TYPE.A, ttlSeconds: 30, data: value })),
  };
}

function expectation(...values: readonly string[]): ExpectedAnswer {
  return { name: WWW, type: 'A', places: [], oneOf: [values] };
}

function request(expected: readonly ExpectedAnswer[], more: Partial<VerifyRequest> = {}): VerifyRequest {
  return {
    provider: 'shop/cloud',
    zone: ZONE,
    settings: settings(),
    names: new Map([[WWW, expected]]),
    ...more,
  };
}

function setup(ask: Ask, theGuard = guard) {
  const clock = createVirtualClock();
  const verifier = createVerifier({
    ask,
    guard: theGuard,
    clock,
    clients: async () => new Map([['DE', GERMANY]]),
  });
  open.push(verifier);
  return { clock, verifier, state: () => verifier.state('shop/cloud', ZONE) };
}

describe('verifying what was written', () => {
  it('asks until every server agrees, and says since when', async () => {
    const content = new Map([
      ['192.0.2.1', answered('203.0.113.1')],
      ['192.0.2.2', answered('203.0.113.9')],
    ]);
    const { clock, verifier, state } = setup(async ({ address }) => content.get(address) ?? answered());
    verifier.verify(request([expectation('203.0.113.1')]));
    expect(state()?.verified).toBe('pending');
    await clock.pass(3_000);
    // Who is still behind is said before the time is over.
    expect(state()).toMatchObject({
      verified: 'pending',
      disagreements: [
        'ns2.example.net. (192.0.2.2): www.example.com. A: answered 203.0.113.9 instead of A 203.0.113.1',
      ],
    });
    content.set('192.0.2.2', answered('203.0.113.1'));
    await clock.pass(5_000);
    expect(state()?.verified).toBe('yes');
    const at = state()?.names.get(WWW);
    expect(at?.state).toBe('verified');
    if (at?.state === 'verified') expect(clock.wallMs() - at.atMs).toBeLessThan(5_000);
  });

  it('names the server that answers something else when the time is over, and notices when it heals', async () => {
    let late = answered('203.0.113.9');
    const { clock, verifier, state } = setup(async ({ address }) =>
      address === '192.0.2.2' ? late : answered('203.0.113.1'),
    );
    verifier.verify(request([expectation('203.0.113.1')]));
    await clock.pass(20_000);
    expect(state()).toMatchObject({
      verified: 'no',
      disagreements: [
        'ns2.example.net. (192.0.2.2): www.example.com. A: answered 203.0.113.9 instead of A 203.0.113.1',
      ],
    });
    late = answered('203.0.113.1');
    await clock.pass(61_000);
    expect(state()?.verified).toBe('yes');
  });

  it('asks anew at once when other servers are to be asked, also about what was verified or given up', async () => {
    const asked: string[] = [];
    const { clock, verifier, state } = setup(async ({ address }) => {
      asked.push(address);
      return answered(address === '192.0.2.2' ? '203.0.113.9' : '203.0.113.1');
    });
    verifier.verify(request([expectation('203.0.113.1')]));
    await clock.pass(20_000);
    expect(state()?.verified).toBe('no');
    asked.splice(0);
    const one = { address: '192.0.2.77', port: 53 };
    verifier.renew({ provider: 'shop/cloud', zone: ZONE, settings: { ...settings(), servers: [one] } });
    await clock.pass(1);
    expect(asked).toEqual(['192.0.2.77']);
    expect(state()).toMatchObject({ verified: 'yes', disagreements: [] });
    const other = { address: '192.0.2.2', port: 53 };
    verifier.renew({ provider: 'shop/cloud', zone: ZONE, settings: { ...settings(), servers: [other] } });
    await clock.pass(1);
    expect(state()).toMatchObject({
      verified: 'pending',
      disagreements: [matching(/^192\.0\.2\.2 port 53: /)],
    });
  });

  it('says which server is silent, refuses, or has no authority', async () => {
    const answers: Observed[] = [
      { kind: 'silent', why: 'did not answer within 2000 ms' },
      { kind: 'answer', rcode: RCODE.REFUSED, authoritative: false, records: [] },
    ];
    const { clock, verifier, state } = setup(async ({ address }) => {
      const [silent, refusing] = answers;
      return (address === '192.0.2.1' ? silent : refusing) ?? answered();
    });
    verifier.verify(request([expectation('203.0.113.1')]));
    await clock.pass(20_000);
    expect(state()?.disagreements).toEqual([
      containing('ns1.example.net. (192.0.2.1): www.example.com. A: did not answer'),
      containing('answered REFUSED'),
    ]);
  });

  it('lets the newest expectation of a name win, also while it asks', async () => {
    let release: (() => void) | undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { clock, verifier, state } = setup(async () => {
      await held;
      return answered('203.0.113.2');
    });
    verifier.verify(request([expectation('203.0.113.1')]));
    await clock.pass(0);
    verifier.verify(request([expectation('203.0.113.2')]));
    release?.();
    await clock.pass(1_000);
    expect(state()?.verified).toBe('yes');
  });

  it('asks for each place from a client there', async () => {
    const asked: (ClientAddress | undefined)[] = [];
    const { clock, verifier, state } = setup(async (_server, { from }) => {
      asked.push(from);
      return from === undefined ? answered('203.0.113.1') : answered('203.0.113.2');
    });
    verifier.verify(
      request([
        { name: WWW, type: 'A', places: ['DE', 'unknown'], oneOf: [['203.0.113.2']] },
        { name: WWW, type: 'A', places: ['FR'], oneOf: [['203.0.113.3']] },
      ]),
    );
    await clock.pass(100);
    expect(state()?.verified).toBe('yes');
    expect(asked).toEqual([GERMANY, GERMANY]);
  });

  it('where no place can be played, still sees that somebody is answered', async () => {
    let content = answered();
    const { clock, verifier, state } = setup(async () => content);
    verifier.verify(request([{ name: WWW, type: 'A', places: ['FR'], oneOf: [['203.0.113.3']] }]));
    await clock.pass(1_000);
    expect(state()?.verified).toBe('pending');
    content = answered('203.0.113.3');
    await clock.pass(6_000);
    expect(state()?.verified).toBe('yes');
  });

  it('takes any of several answers of a weighted name, the absence of a deleted one, and no older TTL', async () => {
    let reply = answered('203.0.113.2');
    const { clock, verifier, state } = setup(async () => reply);
    verifier.verify(
      request([{ ...expectation(), oneOf: [['203.0.113.1'], ['203.0.113.2']], ttlSeconds: 20 }]),
    );
    await clock.pass(20_000);
    expect(state()?.disagreements[0]).toContain('with TTL 30 instead of 20');
    reply = { kind: 'answer', rcode: RCODE.NXDOMAIN, authoritative: true, records: [] };
    verifier.verify(request([{ ...expectation(), oneOf: [[]] }]));
    await clock.pass(1_000);
    expect(state()?.verified).toBe('yes');
  });

  it('takes some of what a provider draws from, but nothing else and not nothing', async () => {
    let reply = answered('203.0.113.2', '203.0.113.9');
    const { clock, verifier, state } = setup(async () => reply);
    const someOf = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];
    verifier.verify(request([{ ...expectation(), oneOf: [], someOf }]));
    await clock.pass(20_000);
    expect(state()?.disagreements[0]).toContain('instead of A some of 203.0.113.1, 203.0.113.2');
    reply = answered();
    await clock.pass(60_000);
    expect(state()?.disagreements[0]).toContain('answered nothing');
    reply = answered('203.0.113.3', '203.0.113.1');
    await clock.pass(120_000);
    expect(state()?.verified).toBe('yes');
  });

  it('is off for a private zone whose servers nobody named, and asks those that are named', async () => {
    const zone = { ...ZONE, private: true };
    const { clock, verifier, state } = setup(async ({ address, port }) =>
      answered(`${address}:${port}` === '10.0.0.53:5353' ? '203.0.113.1' : '203.0.113.9'),
    );
    verifier.verify(request([expectation('203.0.113.1')], { zone }));
    await clock.pass(20_000);
    expect(state()).toMatchObject({ verified: 'off', reason: containing('verify.servers') });
    const servers = [{ address: '10.0.0.53', port: 5353 }];
    verifier.verify(request([expectation('203.0.113.1')], { zone, settings: settings({ servers }) }));
    await clock.pass(1_000);
    expect(state()?.verified).toBe('yes');
  });

  it('is off when it is switched off, and asks nobody then', async () => {
    let asked = 0;
    const { clock, verifier, state } = setup(async () => {
      asked += 1;
      return answered();
    });
    verifier.verify(request([expectation('203.0.113.1')], { settings: settings({ enabled: false }) }));
    await clock.pass(20_000);
    expect([state()?.verified, asked]).toEqual(['off', 0]);
  });

  it('I32 asks no address that the guard forbids', async () => {
    let asked = 0;
    const ask: Ask = async () => {
      asked += 1;
      return answered('203.0.113.1');
    };
    const forbidding: OutboundGuard = {
      ...guard,
      check: () => {
        throw new PortolanError('ADDRESS_FORBIDDEN', '169.254.169.254 lies in a range of metadata services');
      },
    };
    const { clock, verifier, state } = setup(ask, forbidding);
    const servers = [{ address: '169.254.169.254', port: 53 }];
    verifier.verify(request([expectation('203.0.113.1')], { settings: settings({ servers }) }));
    await clock.pass(20_000);
    expect(state()).toMatchObject({ verified: 'no', disagreements: [containing('169.254.169.254')] });
    expect(asked).toBe(0);
  });

  it('forgets what nobody wants to know any more', async () => {
    const { clock, verifier, state } = setup(async () => answered());
    verifier.verify(request([expectation('203.0.113.1')]));
    verifier.forget('shop/cloud');
    await clock.pass(20_000);
    expect(state()).toBeUndefined();
  });
});
