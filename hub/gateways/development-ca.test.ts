import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { pairProblem } from './certificate-pair.ts';
import { createDevelopmentCa, type DevelopmentCa } from './development-ca.ts';

const DAY = 86_400_000;
let meta: Map<string, string>;
let nowMs: number;
let ca: DevelopmentCa;

const open = (): DevelopmentCa =>
  createDevelopmentCa({
    store: {
      hubUid: 'hub-1',
      getMeta: async (key) => meta.get(key),
      putMeta: async (key, value) => void meta.set(key, value),
    },
    // The context is bound to the sealed text, as the real sealing does.
    sealing: {
      seal: (plain, context) => Buffer.from(`${context}|${plain}`).toString('base64'),
      open: (sealed, context) => {
        const [bound, plain] = Buffer.from(sealed, 'base64').toString().split('|');
        if (bound !== context) throw new Error('sealed for another place');
        return plain ?? '';
      },
    },
    randomBytes,
    wallMs: () => nowMs,
  });

beforeEach(() => {
  meta = new Map();
  nowMs = 1_790_000_000_000;
  ca = open();
});

describe('the development CA', () => {
  it('gives a certificate for the names, with its key, that chains to it and lasts 30 days', async () => {
    const pair = await ca.certificate('internal/*.example.com', ['*.example.com']);
    expect(pairProblem(pair.certificatePem, pair.keyPem)).toBeUndefined();
    const leaf = new X509Certificate(pair.certificatePem);
    const issuer = new X509Certificate(await ca.certificatePem());
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(issuer.ca).toBe(true);
    expect(leaf.checkHost('shop.example.com')).toBeDefined();
    expect(leaf.checkHost('example.com')).toBeUndefined();
    expect(leaf.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(Math.round((leaf.validToDate.getTime() - nowMs) / DAY)).toBe(30);
  });

  it('is the same CA with the same certificates after a restart', async () => {
    const [before, issuer] = [await ca.certificate('internal/a', ['a.example']), await ca.certificatePem()];
    ca = open();
    expect(await ca.certificatePem()).toBe(issuer);
    expect(await ca.certificate('internal/a', ['a.example'])).toEqual(before);
  });

  it('renews when a third of the life has passed, when the names change, and when the clock was set back', async () => {
    const first = await ca.certificate('internal/a', ['a.example']);
    nowMs += 10 * DAY - 1;
    expect(ca.due()).toBe(false);
    expect(await ca.certificate('internal/a', ['a.example'])).toBe(first);
    nowMs += 1;
    expect(ca.due()).toBe(true);
    const second = await ca.certificate('internal/a', ['a.example']);
    expect(second.certificatePem).not.toBe(first.certificatePem);
    expect(ca.due()).toBe(false);
    const third = await ca.certificate('internal/a', ['b.example']);
    expect(third.certificatePem).not.toBe(second.certificatePem);
    nowMs -= DAY;
    expect(ca.due()).toBe(true);
  });

  it('I33 keeps no key in the clear', async () => {
    const { keyPem } = await ca.certificate('internal/a', ['a.example']);
    const rested = [...meta.values()].join('\n');
    expect(rested).toContain('keySealed');
    expect(rested).not.toContain('PRIVATE KEY');
    const line = keyPem.split('\n')[1] ?? '';
    expect(line).toHaveLength(64);
    expect(rested).not.toContain(line);
  });

  it('makes one CA however many ask at once', async () => {
    const pairs = await Promise.all(
      ['a', 'b', 'c'].map((name) => ca.certificate(`internal/${name}`, [`${name}.example`])),
    );
    const issuer = new X509Certificate(await ca.certificatePem());
    expect(pairs.every((p) => new X509Certificate(p.certificatePem).verify(issuer.publicKey))).toBe(true);
    const serials = pairs.map((p) => createHash('sha256').update(p.certificatePem).digest('hex'));
    expect(new Set(serials).size).toBe(3);
  });
});
