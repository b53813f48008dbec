import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChallengeRecord, OrderPhase, OrderRecord, WantedCertificate } from './model.ts';
import {
  type AuthorizationAnswer,
  afterLook,
  agentKeyOf,
  asked,
  challengeTypes,
  chosen,
  endsOrder,
  findings,
  givenUp,
  intended,
  isOurs,
  notMade,
  type OrderAnswer,
  placed,
  proven,
  replacingNothing,
  shown,
  stepOf,
  surelyNotMade,
} from './order.ts';

const WANTED: WantedCertificate = {
  id: 'cert-1',
  policy: 'default/web',
  names: ['a.example', 'b.example'],
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['default/ca', 'default/other'],
  challenge: 'auto',
  renewal: { ari: true },
};
const DIRECTORY = 'https://ca.example/directory';
const BEGUN = intended(WANTED, {
  issuer: 'default/ca',
  directory: DIRECTORY,
  nowMs: 1_000,
  replaces: 'aki.serial',
});
const PHASES: readonly OrderPhase[] = ['intended', 'ordered', 'challenged', 'answered', 'finalizing'];
const CHALLENGE: ChallengeRecord = {
  name: 'a.example',
  wildcard: false,
  type: 'dns-01',
  authorizationUrl: 'https://ca.example/authz/1',
  challengeUrl: 'https://ca.example/chal/1',
  token: 'token',
  keyAuthorization: 'token.thumbprint',
};
const answer = (status: OrderAnswer['status'], more: Partial<OrderAnswer> = {}): OrderAnswer => ({
  url: 'https://ca.example/order/1',
  status,
  names: WANTED.names,
  authorizations: [CHALLENGE.authorizationUrl],
  finalizeUrl: 'https://ca.example/order/1/finalize',
  ...more,
});
const inPhase = (phase: OrderPhase): OrderRecord => {
  const ordered = placed(asked(BEGUN, 2_000), answer('pending'));
  const challenged = chosen(ordered, [CHALLENGE]);
  const all = {
    intended: BEGUN,
    ordered,
    challenged,
    answered: shown(challenged),
    finalizing: proven(challenged),
  };
  return all[phase];
};
const authorization = (
  status: AuthorizationAnswer['status'],
  challengeStatus: 'pending' | 'processing' | 'valid' | 'invalid' = 'pending',
): AuthorizationAnswer => ({
  url: CHALLENGE.authorizationUrl,
  status,
  name: 'a.example',
  wildcard: false,
  challenges: [{ type: 'dns-01', url: CHALLENGE.challengeUrl, token: 'token', status: challengeStatus }],
});

describe('the way of an order', () => {
  it.each([
    ['intended', 'place'],
    ['ordered', 'choose'],
    ['challenged', 'show'],
    ['answered', 'prove'],
    ['finalizing', 'finish'],
  ] as const)('from %s goes on with %s', (phase, step) => {
    expect(stepOf(inPhase(phase))).toBe(step);
  });

  it.each([
    ['ordered', 'pending', { to: 'here' }],
    ['ordered', 'ready', 'finalizing'],
    ['ordered', 'processing', 'finalizing'],
    ['ordered', 'valid', 'finalizing'],
    ['ordered', 'invalid', { to: 'end' }],
    ['challenged', 'pending', { to: 'here' }],
    ['challenged', 'ready', 'finalizing'],
    ['challenged', 'invalid', { to: 'end' }],
    ['answered', 'pending', { to: 'here' }],
    ['answered', 'ready', 'finalizing'],
    ['answered', 'invalid', { to: 'end' }],
    ['finalizing', 'pending', 'ordered'],
    ['finalizing', 'ready', { to: 'here' }],
    ['finalizing', 'processing', { to: 'wait' }],
    ['finalizing', 'valid', { to: 'take', certificateUrl: 'https://ca.example/cert/1' }],
    ['finalizing', 'invalid', { to: 'end' }],
  ] as const)('%s, when the CA says %s, leads to %j', (phase, status, expected) => {
    const order = inPhase(phase);
    const way = afterLook(order, answer(status, { certificateUrl: 'https://ca.example/cert/1' }));
    if (typeof expected === 'string')
      expect(way).toMatchObject({ to: 'next', order: { phase: expected, challenges: [] } });
    else expect(way).toEqual(expected);
  });

  it('needs nothing shown where every authorization is valid already', () => {
    expect(chosen(inPhase('ordered'), []).phase).toBe('finalizing');
  });

  it.each([
    [[authorization('valid')], { found: 'all' }],
    [[authorization('pending', 'processing')], { found: 'not yet', unasked: [] }],
    [[authorization('pending')], { found: 'not yet', unasked: [CHALLENGE] }],
    [[], { found: 'not yet', unasked: [CHALLENGE] }],
    [[authorization('invalid', 'invalid')], { found: 'fault', at: authorization('invalid', 'invalid') }],
    [[authorization('expired')], { found: 'fault', at: authorization('expired') }],
  ] as const)('%j is read as %j', (answers, expected) => {
    expect(findings(inPhase('answered'), answers)).toEqual(expected);
  });

  it('takes no order for its own that was finalized, or is for other names', () => {
    expect(isOurs(BEGUN, answer('pending'))).toBe(true);
    expect(isOurs(BEGUN, answer('ready'))).toBe(true);
    expect(isOurs(BEGUN, answer('valid'))).toBe(false);
    expect(isOurs(BEGUN, answer('pending', { names: ['a.example'] }))).toBe(false);
  });

  it.each([
    ['answered', undefined, 'default/ca', DIRECTORY, /not wanted/],
    [
      'answered',
      { ...WANTED, issuers: ['default/other'] },
      'default/other',
      DIRECTORY,
      /no Issuer of the policy/,
    ],
    ['answered', WANTED, 'default/ca', 'https://ca.example/v3', /another directory/],
    ['answered', WANTED, 'default/other', DIRECTORY, /default\/other is asked instead/],
    ['answered', { ...WANTED, names: ['a.example'] }, 'default/ca', DIRECTORY, /other names/],
    ['answered', { ...WANTED, key: 'RSA-2048' }, 'default/ca', DIRECTORY, /another kind of key/],
    ['answered', { ...WANTED, cluster: 'default/east' }, 'default/ca', DIRECTORY, /makes the key/],
    // The certificate may be there already, and was counted.
    ['finalizing', { ...WANTED, names: ['a.example'] }, 'default/ca', DIRECTORY, undefined],
    ['answered', WANTED, 'default/ca', DIRECTORY, undefined],
  ] as const)('in %s is given up for a reason, or goes on (%#)', (phase, wanted, issuer, directory, why) => {
    const said = givenUp(inPhase(phase), wanted, issuer, directory);
    if (why === undefined) expect(said).toBeUndefined();
    else expect(said).toMatch(why);
  });

  it.each([
    ['badNonce', 400, false, true],
    ['rateLimited', 429, false, true],
    ['serverInternal', 500, false, false],
    ['orderNotReady', 403, false, true],
    ['malformed', 404, true, true],
    ['rejectedIdentifier', 400, true, true],
    ['unauthorized', 503, false, false],
  ])('a CA that answers %s with %i ends the order: %s; made none: %s', (type, status, ends, none) => {
    expect([endsOrder({ type, status }), surelyNotMade({ type, status })]).toEqual([ends, none]);
  });

  it('proves wildcards by dns-01 only, and keeps to what the policy wishes', () => {
    const all = ['dns-01', 'http-01', 'tls-alpn-01'] as const;
    expect(challengeTypes('auto', { wildcard: false }, all)).toEqual(all);
    expect(challengeTypes('auto', { wildcard: true }, all)).toEqual(['dns-01']);
    expect(challengeTypes('http-01', { wildcard: false }, all)).toEqual(['http-01']);
    expect(challengeTypes('http-01', { wildcard: true }, all)).toEqual([]);
  });

  it('asks agents for another key for each order', () => {
    expect(agentKeyOf('cert-1', 1)).not.toBe(agentKeyOf('cert-1', 2));
  });
});

/** A CA that holds one account's orders, and a hub that may die between any two things it does. */
describe('I22 an order that is resumed from any saved record', () => {
  /** What happens to each request in turn: done, done but never heard of, not done; and whether the hub dies after it. */
  const fate = fc.record({
    fate: fc.constantFrom('done', 'lost answer', 'lost request'),
    dies: fc.boolean(),
  });

  it('leads to exactly one order, and never to a certificate for a key that is not kept', () => {
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 40 }), (fates) => {
        let next = 0;
        const draw = (): { readonly fate: string; readonly dies: boolean } =>
          fates[next++] ?? { fate: 'done', dies: false };
        const orders: { url: string; status: OrderAnswer['status']; key?: string }[] = [];
        let saved: { order: OrderRecord; key: string } = { order: BEGUN, key: 'key of the order' };
        const proof = { status: 'pending' as 'pending' | 'valid' };
        let asks = 0;

        /** @returns the answer; undefined: nobody heard it */
        const ask = <T>(effect: () => T): T | undefined => {
          asks += 1;
          const { fate: what, dies } = draw();
          if (what === 'lost request') return undefined;
          const result = effect();
          return what === 'lost answer' || dies ? undefined : result;
        };
        const look = (): OrderAnswer | undefined =>
          ask(() => {
            const known = orders.find(({ url }) => url === saved.order.url);
            return answer(known?.status ?? 'invalid', { url: known?.url ?? '', certificateUrl: 'c' });
          });

        // Each round begins with the record alone, as a hub that has just started does.
        for (let round = 0; round < 200; round += 1) {
          const { order } = saved;
          const save = (to: OrderRecord): void => {
            // A write is done or not: then the next round begins with what was there.
            if (draw().fate !== 'lost request') saved = { ...saved, order: to };
          };
          switch (stepOf(order)) {
            case 'place': {
              if (order.askedAtMs === undefined) {
                save(asked(order, round));
                break;
              }
              const listed = ask(() => orders.filter(({ status }) => status !== 'valid'));
              if (listed === undefined) break;
              const found = listed.map((o) => answer(o.status, { url: o.url })).find((o) => isOurs(order, o));
              const made =
                found ??
                ask(() => {
                  orders.push({ url: `order/${orders.length}`, status: 'pending' });
                  return answer('pending', { url: orders.at(-1)?.url ?? '' });
                });
              if (made !== undefined) save(placed(order, made));
              break;
            }
            case 'choose': {
              const said = look();
              const way = said === undefined ? undefined : afterLook(order, said);
              if (way?.to === 'next') save(way.order);
              if (way?.to === 'here') save(chosen(order, proof.status === 'valid' ? [] : [CHALLENGE]));
              break;
            }
            case 'show':
              save(shown(order));
              break;
            case 'prove': {
              const said = ask(() => authorization(proof.status));
              const found = said === undefined ? undefined : findings(order, [said]);
              if (found?.found === 'not yet')
                ask(() => {
                  proof.status = 'valid';
                  for (const one of orders) if (one.status === 'pending') one.status = 'ready';
                });
              if (found?.found === 'all') save(proven(order));
              break;
            }
            case 'finish': {
              const said = look();
              const way = said === undefined ? undefined : afterLook(order, said);
              if (way?.to === 'take') {
                expect(orders).toHaveLength(1);
                expect(orders[0]?.key).toBe(saved.key);
                return;
              }
              if (way?.to === 'next') save(way.order);
              if (way?.to === 'here')
                ask(() => {
                  for (const one of orders.filter(({ url }) => url === order.url)) {
                    one.key = saved.key;
                    one.status = 'valid';
                  }
                });
              break;
            }
          }
        }
        expect.fail(`it never came to an end, after ${asks} requests, in ${saved.order.phase}`);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps what it is for in every phase', () => {
    for (const phase of PHASES)
      expect(inPhase(phase)).toMatchObject({
        issuer: 'default/ca',
        names: WANTED.names,
        replaces: 'aki.serial',
        startedAtMs: 1_000,
      });
    expect(notMade(asked(BEGUN, 5))).toEqual(BEGUN);
    expect(replacingNothing(asked(BEGUN, 5))).not.toHaveProperty('replaces');
  });
});
