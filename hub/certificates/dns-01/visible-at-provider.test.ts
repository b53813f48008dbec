import { describe, expect, it } from 'vitest';
import type { ProviderZone } from '../../../providers/contract.ts';
import { challengeText } from '../../../src/certificates/dns-challenge.ts';
import { parseName } from '../../../src/dns/name.ts';
import { RCODE, TYPE } from '../../../src/dns/types.ts';
import { PortolanError } from '../../../src/errors/error.ts';
import { txtValue } from '../../../src/plan/txt-value.ts';
import type { DeskZone } from '../../providers/desk.ts';
import { createVirtualClock } from '../../providers/virtual-clock.ts';
import { heldZones } from '../../providers/zone-keys.ts';
import { document, worldOf } from '../../reconcile/testing.ts';
import type { Observed } from '../../verify/judge.ts';
import { createLookAtProvider, PROPAGATION_MS } from './visible-at-provider.ts';

const VALUE = challengeText('t.print');
const AT = parseName('_acme-challenge.example.com.');
const SET = { name: AT, type: 'TXT', setId: '', ttlSeconds: 60, values: [txtValue(VALUE)] };

function lookAt(
  spec: Readonly<Record<string, unknown>>,
  state: {
    readonly zone?: Partial<ProviderZone>;
    readonly held?: readonly object[];
    readonly error?: PortolanError;
    readonly lacks?: boolean;
  } = {},
) {
  const world = worldOf(
    document('DNSProvider', 'main', {
      zones: [{ origin: 'example.com' }],
      rfc2136: { server: '192.0.2.1', tsigSecret: 'key' },
      ...spec,
    }),
  );
  const [held] = heldZones(world);
  if (held === undefined) throw new Error('no zone');
  const zone: ProviderZone = {
    origin: parseName('example.com.'),
    id: 'Z',
    private: false,
    nameServers: [],
    ...state.zone,
  };
  const worker = {
    zone,
    content: { sets: state.lacks === true ? [] : [SET], tokens: new Map<string, string>() },
    state: { held: state.held ?? [], error: state.error },
  };
  const answers = new Map<string, Observed>();
  const clock = createVirtualClock();
  const look = createLookAtProvider({
    desk: {
      started: true,
      problemOf: () => undefined,
      // What is looked at of a zone is its worker alone.
      zones: new Map([[held.key, { worker } as unknown as DeskZone]]),
    },
    ask: async ({ address }) => answers.get(address) ?? { kind: 'silent', why: 'no answer within 2 s' },
    guard: { check: () => undefined, lookup: () => undefined },
    clock,
  });
  return { clock, answers, look: () => look(held, AT, VALUE) };
}

const answer = (...texts: readonly string[]): Observed => ({
  kind: 'answer',
  rcode: texts.length === 0 ? RCODE.NXDOMAIN : RCODE.NOERROR,
  authoritative: true,
  records: texts.map((text) => ({ type: TYPE.TXT, ttlSeconds: 60, data: txtValue(text) })),
});

describe('a challenge at a provider', () => {
  it('is visible when every server that is named answers it, and those that do not are named', async () => {
    const at = lookAt({ verify: { servers: [{ address: '192.0.2.53' }, { address: '192.0.2.54' }] } });
    at.answers.set('192.0.2.53', answer());
    expect(await at.look()).toEqual([
      '192.0.2.53 port 53 answers _acme-challenge.example.com. without it (NXDOMAIN)',
      '192.0.2.54 port 53 does not answer (no answer within 2 s)',
    ]);
    at.answers.set('192.0.2.53', answer('another', VALUE));
    at.answers.set('192.0.2.54', answer(VALUE));
    expect(await at.look()).toEqual([]);
  });

  it.each([
    ['a zone that only private networks see', {}, { zone: { private: true } }, /the zone is private/],
    ['a provider that does not say its servers', {}, {}, /does not say its servers/],
    ['verification turned off', { verify: { enabled: false } }, {}, /verify\.enabled is false/],
  ] as const)('of %s waits for the time that providers promise', async (_what, spec, state, why) => {
    const at = lookAt(spec, state);
    expect((await at.look()).join()).toMatch(why);
    await at.clock.pass(PROPAGATION_MS - 1);
    expect(await at.look()).toHaveLength(1);
    await at.clock.pass(1);
    expect(await at.look()).toEqual([]);
  });

  it('tells what passes by itself from what a person has to do', async () => {
    const busy = new PortolanError('PROVIDER_UNAVAILABLE', 'it answers 503');
    expect(await lookAt({}, { lacks: true, error: busy }).look()).toEqual([
      'default/main does not have it in example.com. yet: it answers 503',
    ]);
    const denied = new PortolanError('PROVIDER_DENIED', 'the key is wrong');
    await expect(lookAt({}, { lacks: true, error: denied }).look()).rejects.toBe(denied);
    const held = [{ name: AT, code: 'RECORDS_FOREIGN', message: 'somebody has it', fix: 'Remove it.' }];
    await expect(lookAt({}, { lacks: true, held }).look()).rejects.toMatchObject({
      code: 'RECORDS_FOREIGN',
      message: 'default/main: somebody has it',
      fix: 'Remove it.',
    });
    // Its last removal waits because of `deletions: never`: the new value may come all the same.
    const kept = [{ name: AT, code: 'PROVIDER_FROZEN', message: 'not wanted', fix: '' }];
    expect(await lookAt({}, { lacks: true, held: kept }).look()).toHaveLength(1);
    await expect(lookAt({ frozen: true }).look()).rejects.toMatchObject({ code: 'PROVIDER_FROZEN' });
  });
});
