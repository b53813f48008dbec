import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newApiToken, parseApiToken } from './api-token.ts';
import { sha256Hex } from './digest.ts';

describe('an API token', () => {
  it('is found again by id and the hash of its secret, which is all that is kept (I29)', () => {
    const { text, id, secretSha256 } = newApiToken(randomBytes);
    expect(parseApiToken(text)).toEqual({ id, secretSha256 });
    const secret = text.split('.')[2] ?? '';
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(secretSha256).toBe(sha256Hex(secret));
    expect(JSON.stringify(parseApiToken(text))).not.toContain(secret);
  });

  it.each([
    '',
    'ptk1.',
    'ptk1.0123456789abcdef',
    `ptl1.0123456789abcdef.${'A'.repeat(43)}`,
    `ptk1.0123456789ABCDEF.${'A'.repeat(43)}`,
    `ptk1.0123456789abcdef.${'A'.repeat(42)}`,
    `ptk1.0123456789abcdef.${'A'.repeat(43)}\n`,
  ])('is not %j', (text) => {
    expect(parseApiToken(text)).toBeUndefined();
  });
});
