import { describe, expect, it } from 'vitest';
import type { CertificateDetail, CertificateTrial } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import { containing } from '../test/support/matchers.ts';
import { followRenewal, followTrial } from './certificate-follow.ts';
import type { Spinner } from './output/spinner.ts';

const BEFORE: CertificateDetail = {
  id: 'cert-0a1b2c3d',
  namespace: 'shop',
  policy: 'web',
  dnsNames: ['a.example.com'],
  state: 'valid',
  issuer: 'ca',
  key: { algorithm: 'ECDSA-P256', location: 'hub', reuse: false },
  serial: '01',
  sha256: 'aa',
  clusters: [{ name: 'paris', delivered: true, served: 'yes' }],
  chain: [],
  renewal: { why: 'now: asked for' },
  forecast: [],
};
const ORDER: NonNullable<CertificateDetail['order']> = {
  phase: 'challenged',
  issuer: 'ca',
  dnsNames: ['a.example.com'],
  startedAt: '2030-01-01T00:00:00Z',
  replaces: false,
  waitsFor: 'ns2 does not have it',
  challenges: [],
};
const FAILED: NonNullable<CertificateDetail['failures']> = {
  count: 1,
  firstAt: '2030-01-01T00:00:00Z',
  lastAt: '2030-01-01T00:00:00Z',
  code: 'CHALLENGE_FAILED',
  message: 'no TXT',
  fix: 'Look.',
  byIssuer: { ca: 1 },
  nextTryAt: '2100-01-01T00:00:00Z',
};

function listener(): Spinner & { readonly said: string[] } {
  const said: string[] = [];
  return { said, say: (line) => void said.push(line), waiting: () => undefined, stop: () => undefined };
}
/** Answers one after the other; the last one stays. */
function hub(...answers: readonly (CertificateDetail | PortolanError)[]) {
  const left = [...answers];
  return {
    describeCertificate: async () => {
      const answer = left.length > 1 ? left.shift() : left[0];
      if (answer === undefined || answer instanceof PortolanError)
        throw answer ?? new PortolanError('INTERNAL', 'no answer');
      return answer;
    },
  };
}
const limits = { giveUpMs: 20_000, nowMs: Date.now };

describe('waiting for a renewal', () => {
  it('goes on through a hub that starts again, until every cluster has the new one', async () => {
    const spinner = listener();
    const next = { ...BEFORE, serial: '02', sha256: 'bb' };
    const late = { ...next, clusters: [{ name: 'paris', delivered: false, served: 'pending' as const }] };
    const away = new PortolanError('HUB_UNREACHABLE', 'away');
    const found = await followRenewal(
      hub({ ...BEFORE, order: ORDER }, away, late, next),
      BEFORE,
      spinner,
      limits,
    );
    expect(found.serial).toBe('02');
    expect(spinner.said).toEqual([
      'challenged at ca: ns2 does not have it',
      'issued by ca; not yet at paris',
    ]);
  });

  it('ends with the reason when the next try is far off, but not for a failure of before', async () => {
    await expect(
      followRenewal(hub({ ...BEFORE, failures: FAILED }), BEFORE, listener(), limits),
    ).rejects.toMatchObject({ code: 'CHALLENGE_FAILED', message: containing('no TXT'), fix: 'Look.' });
    const failing = { ...BEFORE, failures: FAILED };
    const next = { ...BEFORE, sha256: 'bb' };
    expect((await followRenewal(hub(failing, next), failing, listener(), limits)).sha256).toBe('bb');
  });

  it('is over in time, and says where to look', async () => {
    await expect(
      followRenewal(hub({ ...BEFORE, order: ORDER }), BEFORE, listener(), { ...limits, giveUpMs: 1 }),
    ).rejects.toMatchObject({
      code: 'TIMEOUT',
      fix: containing('portolan cert describe cert-0a1b2c3d -n shop'),
    });
  });
});

it('a trial is followed step by step', async () => {
  const spinner = listener();
  const step = (text: string) => ({ at: '2030-01-01T00:00:00Z', text });
  const begun: CertificateTrial = {
    policy: 'web',
    issuer: 'ca',
    directory: 'https://staging.example/dir',
    state: 'running',
    dnsNames: ['a.example.com'],
    startedAt: '2030-01-01T00:00:00Z',
    steps: [step('one')],
  };
  const ended: CertificateTrial = { ...begun, state: 'passed', steps: [step('one'), step('two')] };
  const trial = await followTrial({ certificateTrial: async () => ended }, 'shop', begun, spinner, limits);
  expect(trial.state).toBe('passed');
  expect(spinner.said).toEqual(['one', 'two']);
});
