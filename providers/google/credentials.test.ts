import { lookup } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { containing } from '../../test/support/matchers.ts';
import type { OutboundGuard } from '../contract.ts';
import { parseCredentials } from './credentials.ts';

const OPEN: OutboundGuard = { lookup, check: () => undefined };
const KEY = {
  type: 'service_account',
  client_email: 'portolan@p.iam.gserviceaccount.com',
  private_key: 'CANARY-KEY',
  token_uri: 'https://oauth2.googleapis.com/token',
};
const FEDERATION = {
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  token_url: 'https://sts.googleapis.com/v1/token',
  credential_source: { file: '/var/run/secrets/tokens/gcp' },
};

const parse = (value: unknown, guard = OPEN) => parseCredentials(JSON.stringify(value), guard);

describe('credentials in a Secret', () => {
  it('are the key of a service account or workload identity federation', () => {
    expect(parse(KEY).type).toBe('service_account');
    expect(parse(FEDERATION).type).toBe('external_account');
    expect(parse({ ...FEDERATION, credential_source: { url: 'https://idp.example.com/token' } }).type).toBe(
      'external_account',
    );
  });

  it.each([
    ['a program to run', { ...FEDERATION, credential_source: { executable: { command: '/bin/sh' } } }],
    [
      'AWS metadata',
      { ...FEDERATION, credential_source: { environment_id: 'aws1', url: 'http://169.254.169.254/' } },
    ],
    ["a file of the hub's own", { ...FEDERATION, credential_source: { file: '/etc/portolan/key' } }],
    [
      'a path that leads out',
      { ...FEDERATION, credential_source: { file: '/var/run/secrets/../../../etc/key' } },
    ],
    [
      'a file whose token somebody else gets',
      { ...FEDERATION, token_url: 'https://googleapis.com.evil.example/' },
    ],
    [
      'a file whose token goes out in clear text',
      { ...FEDERATION, token_url: 'http://sts.googleapis.com/v1/token' },
    ],
    ['a person', { type: 'authorized_user', client_id: 'a', client_secret: 'b', refresh_token: 'c' }],
    ['nothing', null],
  ])('are refused with %s (I32)', (_, value) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({ failure: 'denied', fix: containing('credentials.json') }),
    );
  });

  it('lead to no address that the guard forbids (I32)', () => {
    const forbidden = new PortolanError('ADDRESS_FORBIDDEN', 'no');
    const check = (host: string): void => {
      if (host === '169.254.169.254') throw forbidden;
    };
    for (const value of [
      { ...KEY, token_uri: 'http://169.254.169.254/token' },
      { ...FEDERATION, credential_source: { url: 'http://169.254.169.254/token' } },
      { ...FEDERATION, service_account_impersonation_url: 'http://169.254.169.254/x:generateAccessToken' },
    ])
      expect(() => parse(value, { lookup, check })).toThrow(forbidden);
  });

  it('are not repeated in the error when they are not JSON (I33)', () => {
    expect(() => parseCredentials('{"private_key": CANARY-KEY', OPEN)).toThrow(
      expect.objectContaining({ message: 'credentials.json is not JSON' }),
    );
  });
});
