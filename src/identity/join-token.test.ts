import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import {
  formatJoinToken,
  type JoinToken,
  joinSecretSha256,
  newJoinSecret,
  parseJoinToken,
} from './join-token.ts';

const token: JoinToken = {
  clusterUid: 'c-1',
  cluster: { namespace: 'default', name: 'eu-1' },
  urls: ['https://hub.example:8444', 'https://[2001:db8::1]:8444'],
  ...newJoinSecret(randomBytes),
  caSpkiSha256: ['ab'.repeat(32)],
};

/** The token's text with its JSON changed. */
const changed = (change: Record<string, unknown>): string => {
  const json: unknown = JSON.parse(Buffer.from(formatJoinToken(token).slice(5), 'base64url').toString());
  return `ptl1.${Buffer.from(JSON.stringify(Object.assign({}, json, change))).toString('base64url')}`;
};

const refusal = (text: string): PortolanError => {
  try {
    parseJoinToken(text);
  } catch (error) {
    if (error instanceof PortolanError) return error;
  }
  throw new Error('the token was accepted');
};

describe('a join token', () => {
  it('reads back as it was made, also with the white space a terminal adds', () => {
    const text = formatJoinToken(token);
    expect(text).toMatch(/^ptl1\.[A-Za-z0-9_-]+$/);
    expect(parseJoinToken(text)).toEqual(token);
    expect(parseJoinToken(`  ${text.slice(0, 80)}\n  ${text.slice(80)}\n`)).toEqual(token);
  });

  it('carries 16 octets of id and 32 of secret, of which the hub keeps the SHA-256', () => {
    expect(token.id).toMatch(/^[0-9a-f]{32}$/);
    expect(token.secret).toMatch(/^[0-9a-f]{64}$/);
    expect(joinSecretSha256('00'.repeat(32))).toBe(
      '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925',
    );
  });

  it.each([
    ['is empty', '', /empty/],
    ['is something else', 'ptk1.abc.def', /does not start with "ptl1\."/],
    ['is of a later format', 'ptl2.abcd', /format 2, this program reads format 1/],
    ['has other characters', 'ptl1.%%%', /base64url/],
    ['is cut off', formatJoinToken(token).slice(0, -7), /cut off/],
    ['is endless', `ptl1.${'A'.repeat(10_000)}`, /longer than/],
    ['names a plain http hub', changed({ urls: ['http://hub.example:80'] }), /field "urls\.0"/],
    ['names a hub with a password', changed({ urls: ['https://a:b@hub.example'] }), /field "urls\.0"/],
    ['names no hub', changed({ urls: [] }), /field "urls"/],
    ['has a short secret', changed({ secret: 'AAAA' }), /field "secret"/],
    ['pins no CA', changed({ pins: [] }), /field "pins"/],
    ['is of another version inside', changed({ v: 2 }), /field "v"/],
  ])('is refused with the reason when it %s', (_, text, reason) => {
    const error = refusal(text);
    expect(error.code).toBe('JOIN_TOKEN_INVALID');
    expect(error.message).toMatch(reason);
  });

  it('is never quoted in the refusal, whatever is cut off it', () => {
    const text = formatJoinToken(token);
    for (let length = 0; length < text.length; length += 1) {
      const { message } = refusal(text.slice(0, length));
      expect(message.length).toBeLessThan(150);
      expect(message).not.toContain(text.slice(6, 20));
    }
  });
});
