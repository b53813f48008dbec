import { beforeEach, describe, expect, it } from 'vitest';
import type { LimitUse } from '../../src/certificates/limits.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { issuerSpec } from '../../src/resources/issuer.ts';
import { containing, matching } from '../../test/support/matchers.ts';
import { until } from '../../test/support/until.ts';
import type { CertificateServices } from '../api/certificate-services.ts';
import { type CertificateEntry, createCertificateDesk, type DeskPorts, NO_CERTIFICATES } from './desk.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2030, 0, 31);
const ACTOR = { id: 'token/t', display: 'somebody' };
const WANTED: WantedCertificate = {
  id: 'cert-0a1b2c3d',
  policy: 'team/shop',
  names: ['shop.example.com', 'www.shop.example.com'],
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['team/first', 'team/second'],
  challenge: 'auto',
  renewal: { ari: true },
};
const CURRENT: NonNullable<CertificateRecord['current']> = {
  names: WANTED.names,
  key: 'ECDSA-P256',
  issuer: 'team/first',
  serial: '04A1',
  sha256: 'ab'.repeat(32),
  notBeforeMs: NOW - 30 * DAY,
  notAfterMs: NOW + 60 * DAY,
  issuedAtMs: NOW - 30 * DAY,
  renewAtMs: NOW + 30 * DAY,
};
const RECORD: CertificateRecord = { id: WANTED.id, policy: WANTED.policy, current: CURRENT, history: [] };
const FULL: LimitUse = {
  limit: 'certificatesPerNameSet',
  subject: 'shop.example.com',
  used: 5,
  allowed: 5,
  windowMs: 7 * DAY,
  fitsAtMs: NOW + 2 * DAY,
};
const ACME = issuerSpec.parse({
  acme: { directory: 'https://acme.example/dir', termsOfServiceAgreed: true },
});

let entry: CertificateEntry;
let uses: Record<string, readonly LimitUse[]>;
let done: (readonly unknown[])[];
let issuers: Record<string, ReturnType<typeof issuerSpec.parse>>;
let run: DeskPorts['try'];
let settled: boolean;
let desk: CertificateServices;

beforeEach(() => {
  entry = { record: RECORD, wanted: WANTED };
  uses = {};
  settled = true;
  done = [];
  issuers = { 'team/first': ACME, 'team/second': ACME };
  run = async (_order, onStep) => onStep('the CA looks');
  desk = createCertificateDesk({
    ...NO_CERTIFICATES,
    entries: () => [entry],
    settled: () => settled,
    find: (id) => (id === entry.record.id ? entry : undefined),
    forecast: (_wanted, issuer) => uses[issuer] ?? [],
    clusters: () => [{ name: 'team/paris', delivered: true, served: 'yes' }],
    issuer: (key) => issuers[key],
    policy: (key) =>
      key === 'team/shop'
        ? {
            issuers: ['first', 'second'],
            namesPerCertificate: 100,
            key: { algorithm: 'ECDSA-P256', reuse: false, location: 'hub' },
            challenge: 'auto',
            renewal: { ari: true },
          }
        : undefined,
    force: async (id, options) => {
      done.push(['force', id, options]);
    },
    revoke: async (id, options) => {
      done.push(['revoke', id, options]);
    },
    try: (order, onStep, signal) => run(order, onStep, signal),
    wallMs: () => NOW,
  });
});

const renew = (options: { dryRun?: boolean; force?: boolean; reason?: string } = {}) =>
  desk.renew('team', WANTED.id, { dryRun: false, force: false, ...options }, ACTOR);

describe('what is shown of a certificate', () => {
  it('is found in its own namespace only', async () => {
    expect(await desk.list({ namespaces: ['team'] })).toMatchObject([{ id: WANTED.id, state: 'valid' }]);
    expect(await desk.list({ namespaces: ['other'] })).toEqual([]);
    await expect(desk.describe('other', WANTED.id)).rejects.toMatchObject({ code: 'CERTIFICATE_NOT_FOUND' });
  });

  it.each([
    ['by what is left of its life', {}, matching(/^3\d % of its life is left then/)],
    [
      'by the window of the CA',
      { ari: { startMs: NOW + 10 * DAY, endMs: NOW + 11 * DAY, nextCheckAtMs: NOW } },
      containing('from the window that the CA suggests, 2030-02-10T00:00:00.000Z to 2030-02-11'),
    ],
    ['because somebody asked', { forced: { reason: 'lost', atMs: NOW } }, 'now: lost'],
    [
      'because names change',
      { current: { ...CURRENT, names: ['old.example.com', 'shop.example.com'] } },
      'now: its names change (+www.shop.example.com, -old.example.com)',
    ],
    ['because it was revoked', { current: { ...CURRENT, revokedAtMs: NOW } }, 'now: it was revoked'],
    [
      'after failures',
      {
        failures: {
          count: 2,
          firstAtMs: NOW - DAY,
          lastAtMs: NOW,
          code: 'ISSUER_UNAVAILABLE',
          message: 'no answer',
          byIssuer: { 'team/first': 2 },
          nextTryAtMs: NOW + 60_000,
        },
      },
      'the next try, after 2 that failed',
    ],
  ])('says when it is renewed and why: %s', async (_why, changed, words) => {
    entry = { record: { ...RECORD, ...changed }, wanted: WANTED };
    expect((await desk.describe('team', WANTED.id)).renewal.why).toEqual(words);
  });

  it('says of an order what each challenge waits for, and of failures what to do', async () => {
    const challenge = {
      name: 'shop.example.com',
      wildcard: true,
      type: 'dns-01',
      authorizationUrl: 'https://acme.example/a/1',
      challengeUrl: 'https://acme.example/c/1',
      token: 'secret-token',
      keyAuthorization: 'secret-token.thumbprint',
    } as const;
    entry = {
      record: {
        id: WANTED.id,
        policy: WANTED.policy,
        history: [],
        order: {
          phase: 'challenged',
          issuer: 'team/first',
          directory: 'https://acme.example/dir',
          names: WANTED.names,
          key: 'ECDSA-P256',
          startedAtMs: NOW,
          challenges: [challenge],
        },
      },
      wanted: WANTED,
    };
    const shown = await desk.describe('team', WANTED.id);
    expect(shown).toMatchObject({
      state: 'ordering',
      order: {
        phase: 'challenged',
        challenges: [
          {
            name: '*.shop.example.com',
            waitsFor: 'TXT at _acme-challenge.shop.example.com to be visible everywhere',
          },
        ],
      },
    });
    // Only the CA and who serves it need to know it.
    expect(JSON.stringify(shown)).not.toContain('thumbprint');
  });
});

describe('in the first moments of a hub, when it is not known what is wanted', () => {
  beforeEach(() => {
    settled = false;
    entry = { record: RECORD };
  });

  it.each([
    ['a renewal', () => renew()],
    [
      'a revocation',
      () => desk.revoke('team', WANTED.id, { dryRun: false, force: false, reason: 'keyCompromise' }, ACTOR),
    ],
    ['a trial', () => desk.try('team', 'shop', { issuer: 'staged' }, ACTOR)],
    ['a look at one that was not issued yet', () => desk.describe('team', 'cert-ffffffff')],
  ])('%s is told to come again, not that nobody wants it', async (_what, ask) => {
    issuers = {
      ...issuers,
      'team/staged': issuerSpec.parse({
        acme: {
          directory: 'https://acme.example/dir',
          staging: 'https://staging.example/dir',
          termsOfServiceAgreed: true,
        },
      }),
    };
    await expect(ask()).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(done).toEqual([]);
    settled = true;
    await expect(ask()).rejects.not.toMatchObject({ code: 'NOT_READY' });
  });

  it('what is served is shown all the same', async () => {
    expect(await desk.describe('team', WANTED.id)).toMatchObject({
      state: 'valid',
      renewal: { why: containing('not known yet') },
    });
  });
});

describe('a renewal by hand', () => {
  it('is saved with its reason, and a dry run saves nothing', async () => {
    expect((await renew({ dryRun: true })).message).toBe(
      'would order another certificate for shop.example.com, www.shop.example.com from first',
    );
    expect(done).toEqual([]);
    await renew({ reason: 'lost key' });
    expect(done).toEqual([['force', WANTED.id, { reason: 'lost key', overLimits: false }]]);
  });

  it('says that it is the last that the CA gives', async () => {
    uses = { 'team/first': [{ ...FULL, used: 4 }].map(({ fitsAtMs: _, ...use }) => use) };
    expect((await renew({ dryRun: true })).warnings).toEqual([
      'this order would be certificate 5 of 5 in 7 days for exactly the names of shop.example.com',
    ]);
  });

  it('is asked of the next Issuer where the first has given what it gives', async () => {
    uses = { 'team/first': [FULL] };
    const { message, warnings } = await renew();
    expect(message).toContain('from second');
    expect(warnings).toEqual([containing('Issuer first: this order would be certificate 6 of 5')]);
  });

  it('is refused where none has room, unless forced', async () => {
    uses = { 'team/first': [FULL], 'team/second': [FULL] };
    await expect(renew()).rejects.toMatchObject({
      code: 'ISSUER_RATE_LIMITED',
      message: containing('2030-02-02T00:00:00Z'),
    });
    expect(done).toEqual([]);
    expect((await renew({ dryRun: true })).message).toContain('would be refused: Issuer first: this order');
    await renew({ force: true, reason: 'now' });
    expect(done).toEqual([['force', WANTED.id, { reason: 'now', overLimits: true }]]);
  });

  it('is refused where no policy wants it any more', async () => {
    entry = { record: RECORD };
    await expect(renew()).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('a revocation', () => {
  const revoke = (force: boolean) =>
    desk.revoke('team', WANTED.id, { reason: 'keyCompromise', dryRun: false, force }, ACTOR);

  it('waits for the replacement, or is at once by force', async () => {
    expect((await revoke(false)).message).toContain('once its replacement is there');
    expect((await revoke(true)).message).toContain('at once');
    const told = { reason: 1, words: 'keyCompromise' };
    expect(done).toEqual([
      ['revoke', WANTED.id, { ...told, afterReplacement: true }],
      ['revoke', WANTED.id, { ...told, afterReplacement: false }],
    ]);
  });

  it('of one that nothing replaces any more needs force', async () => {
    entry = { record: RECORD };
    await expect(revoke(false)).rejects.toMatchObject({ code: 'CONFLICT', fix: containing('--force') });
    await revoke(true);
    expect(done).toHaveLength(1);
  });

  it('is not possible at the internal CA, which says what to do', async () => {
    issuers = { 'team/first': issuerSpec.parse({ internal: {} }) };
    await expect(revoke(true)).rejects.toMatchObject({
      code: 'ISSUER_REFUSED',
      fix: containing('portolan cert renew'),
    });
    entry = { record: RECORD, wanted: { ...WANTED, reuseKey: true } };
    await expect(revoke(true)).rejects.toMatchObject({ fix: containing('`key.reuse: false`') });
  });

  it('of one that was revoked does nothing', async () => {
    entry = { record: { ...RECORD, current: { ...CURRENT, revokedAtMs: NOW - DAY } }, wanted: WANTED };
    expect((await revoke(true)).message).toContain('was revoked on 2030-01-30');
    expect(done).toEqual([]);
  });
});

describe('a trial', () => {
  const STAGED = issuerSpec.parse({
    acme: {
      directory: 'https://acme.example/dir',
      staging: 'https://staging.example/dir',
      termsOfServiceAgreed: true,
    },
  });
  const LETS_ENCRYPT = issuerSpec.parse({
    acme: { directory: 'https://acme-v02.api.letsencrypt.org/directory', termsOfServiceAgreed: true },
  });
  const begin = () => desk.try('team', 'shop', {}, ACTOR);
  const ended = async () => {
    await until(
      'the trial ends',
      async () => (await desk.trial('team', 'shop')).state !== 'running',
      5_000,
      5,
    );
    return desk.trial('team', 'shop');
  };

  it('runs at the staging directory, tells its steps, and touches nothing', async () => {
    issuers = { 'team/first': STAGED };
    expect(await begin()).toMatchObject({ state: 'running', directory: 'https://staging.example/dir' });
    const trial = await ended();
    expect(trial).toMatchObject({ state: 'passed', dnsNames: WANTED.names });
    expect(trial.steps.map(({ text }) => text)).toEqual([
      'an order for shop.example.com, www.shop.example.com at https://staging.example/dir',
      'the CA looks',
      'a certificate was issued, and thrown away',
    ]);
    expect(done).toEqual([]);
  });

  it('is not begun twice, and tells why it failed', async () => {
    issuers = { 'team/first': LETS_ENCRYPT };
    let runs = 0;
    const fail: (() => void)[] = [];
    run = () => {
      runs += 1;
      return new Promise((_, reject) => {
        fail.push(() => reject(new PortolanError('CHALLENGE_FAILED', 'no TXT')));
      });
    };
    expect(await begin()).toMatchObject({
      directory: 'https://acme-staging-v02.api.letsencrypt.org/directory',
    });
    await begin();
    expect(runs).toBe(1);
    for (const one of fail) one();
    expect(await ended()).toMatchObject({ state: 'failed', problem: { code: 'CHALLENGE_FAILED' } });
  });

  it.each([
    ['an Issuer without staging', 'shop', 'VALIDATION_FAILED', 'spec.acme.staging'],
    ['a policy that does not exist', 'other', 'NOT_FOUND', 'portolan get certificatepolicies'],
  ])('of %s is refused with what to do', async (_what, policy, code, fix) => {
    await expect(desk.try('team', policy, {}, ACTOR)).rejects.toMatchObject({ code, fix: containing(fix) });
  });

  it('that nobody began is not known', async () => {
    await expect(desk.trial('team', 'shop')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
