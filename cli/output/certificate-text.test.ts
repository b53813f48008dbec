import { describe, expect, it } from 'vitest';
import type { CertificateDetail } from '../../src/client/client.ts';
import { certificateLines, certificateRows, fromNow, historyLines, trialLines } from './certificate-text.ts';

const NOW = Date.parse('2030-01-31T00:00:00Z');
const DETAIL: CertificateDetail = {
  id: 'cert-0a1b2c3d',
  namespace: 'shop',
  policy: 'web',
  dnsNames: ['a.example.com', 'b.example.com', 'c.example.com'],
  state: 'valid',
  issuer: 'letsencrypt',
  key: { algorithm: 'ECDSA-P256', location: 'agent', cluster: 'shop/paris', reuse: false },
  serial: '04A1',
  sha256: 'abcd',
  notBefore: '2030-01-01T00:00:00Z',
  notAfter: '2030-04-01T00:00:00Z',
  renewAt: '2030-03-01T00:00:00Z',
  clusters: [
    { name: 'paris', delivered: true, served: 'yes' },
    { name: 'rome', delivered: true, served: 'no', detail: 'shows 03FF' },
    { name: 'oslo', delivered: false, served: 'pending' },
  ],
  chain: [
    {
      subject: 'CN=a.example.com',
      issuer: 'CN=R10',
      serial: '04A1',
      notBefore: '2030-01-01T00:00:00Z',
      notAfter: '2030-04-01T00:00:00Z',
    },
  ],
  renewal: { at: '2030-03-01T00:00:00Z', why: '34 % of its life is left then' },
  forecast: [],
};

describe('certificates as a table', () => {
  it('say in words when they end and are renewed, and which clusters lack or do not show them', () => {
    const [head = '', row = ''] = certificateRows([DETAIL], { nowMs: NOW, namespaces: true });
    expect(head).toMatch(/^NAMESPACE +ID +POLICY +NAMES +ISSUER +STATE +EXPIRES +RENEWS +CLUSTERS$/);
    expect(row.split(/ {3,}/)).toEqual([
      ...['shop', 'cert-0a1b2c3d', 'web', 'a.example.com,b.example.com +1', 'letsencrypt', 'valid'],
      ...['in 60 days', 'in 29 days', 'paris, rome (not served), oslo (pending)'],
    ]);
  });

  it('say below it what each waits for, and keep the columns where nothing was issued', () => {
    const { serial: _s, sha256: _h, notBefore: _b, notAfter: _a, renewAt: _r, ...rest } = DETAIL;
    const lines = certificateRows([{ ...rest, state: 'ordering', message: 'ordering: the CA signs' }], {
      nowMs: NOW,
      namespaces: false,
    });
    expect(lines[1]).toMatch(/ordering +- +- +paris/);
    expect(lines.slice(2)).toEqual(['', 'cert-0a1b2c3d: ordering: the CA signs']);
  });
});

describe('one certificate', () => {
  it('has its chain, where its key is, and why it is renewed then', () => {
    const text = certificateLines(DETAIL, NOW).join('\n');
    expect(text).toContain(
      'Key:         ECDSA-P256, made and kept by the agent of shop/paris; the hub never has it, a new one at renewal',
    );
    expect(text).toContain('Renewal:     2030-03-01T00:00:00Z (in 29 days): 34 % of its life is left then');
    expect(text).toContain('Chain:\n  0  CN=a.example.com\n     by CN=R10, serial 04A1');
    expect(text).toMatch(/rome +yes +no +shows 03FF/);
    expect(text).not.toContain('Failures:');
  });

  it('has the order under way with each challenge, and the last failure with what to do', () => {
    const text = certificateLines(
      {
        ...DETAIL,
        state: 'failing',
        order: {
          phase: 'challenged',
          issuer: 'letsencrypt',
          dnsNames: ['a.example.com'],
          startedAt: '2030-01-30T00:00:00Z',
          url: 'https://acme.example/order/1',
          replaces: true,
          waitsFor: 'ns2 does not have it',
          challenges: [{ name: 'a.example.com', type: 'dns-01', waitsFor: 'ns2' }],
        },
        failures: {
          count: 2,
          firstAt: '2030-01-29T00:00:00Z',
          lastAt: '2030-01-30T00:00:00Z',
          code: 'CHALLENGE_FAILED',
          message: 'no TXT record',
          fix: 'Look at the delegation.',
          byIssuer: { letsencrypt: 2 },
          nextTryAt: '2030-01-31T01:00:00Z',
        },
      },
      NOW,
    ).join('\n');
    expect(text).toContain('challenged at letsencrypt since 2030-01-30T00:00:00Z: ns2 does not have it');
    expect(text).toMatch(/CHALLENGE +TYPE +WAITS FOR\n +a\.example\.com +dns-01 +ns2/);
    expect(text).toContain('error CHALLENGE_FAILED: no TXT record\n  fix: Look at the delegation.');
    expect(text).toContain('next try 2030-01-31T01:00:00Z (in 1h)');
  });
});

it.each([
  ['2030-01-31T00:00:00Z', 'now'],
  ['2030-01-31T00:01:00Z', 'in 60s'],
  ['2030-01-31T05:30:00Z', 'in 5 hours'],
  ['2030-02-20T12:00:00Z', 'in 20 days'],
  ['2030-01-28T00:00:00Z', '3 days ago'],
])('%s is %s', (instant, words) => {
  expect(fromNow(instant, NOW)).toBe(words);
});

it('a history of nothing says so', () => {
  expect(historyLines({ id: 'cert-0a1b2c3d', items: [] })).toEqual(['Nothing happened to it yet.']);
});

it('a trial that failed has the reason and what to do', () => {
  const trial = {
    policy: 'web',
    issuer: 'letsencrypt',
    directory: 'https://staging.example/dir',
    dnsNames: ['a.example.com'],
    startedAt: '2030-01-31T00:00:00Z',
    steps: [],
  };
  expect(trialLines({ ...trial, state: 'running' })[0]).toContain('under way since');
  expect(
    trialLines({
      ...trial,
      state: 'failed',
      problem: { code: 'CHALLENGE_FAILED', message: 'no TXT', fix: 'Look.' },
    }),
  ).toEqual([
    'failed: a.example.com at https://staging.example/dir (Issuer letsencrypt)',
    'error CHALLENGE_FAILED: no TXT',
    'fix: Look.',
  ]);
});
