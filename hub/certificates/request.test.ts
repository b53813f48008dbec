import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newPrivateKey } from '../../src/identity/private-key.ts';
import { testAuthority } from '../../test/support/certificates.ts';
import { certificateRequest, chainProblem, keyOfRequest } from './request.ts';

const names = ['*.shop.example', 'shop.example'];

describe('a certificate request', () => {
  it('has the names as alternative names, no common name, and proves that we have the key', async () => {
    const lib = await import('@peculiar/x509');
    for (const algorithm of ['ECDSA-P256', 'ECDSA-P384', 'RSA-2048'] as const) {
      const request = new lib.Pkcs10CertificateRequest(
        Uint8Array.from(await certificateRequest(await newPrivateKey(algorithm), names)),
      );
      expect(await request.verify()).toBe(true);
      expect(request.subject).toBe('');
      const given = request.extensions.flatMap((extension) =>
        extension instanceof lib.SubjectAlternativeNameExtension ? extension.names.items : [],
      );
      expect(given.map(({ type, value }) => `${type} ${value}`)).toEqual(names.map((name) => `dns ${name}`));
    }
  });

  it('shows its key, and what is none shows none', async () => {
    const request = await certificateRequest(await newPrivateKey('ECDSA-P256'), names);
    expect(await keyOfRequest(request)).toHaveLength(91);
    expect(await keyOfRequest(Buffer.from('no request'))).toBeUndefined();
  });
});

describe('what a CA gave', () => {
  const now = Date.now();

  it('is for the key and all names, in order, and not over', async () => {
    const authority = await testAuthority();
    const { certificatePem, keyPem } = await authority.issue({ dns: names });
    const spki = new X509Certificate(certificatePem).publicKey.export({ type: 'spki', format: 'der' });
    const chain = certificatePem + authority.certificatePem;
    expect(chainProblem(chain, keyPem, names, now)).toBeUndefined();
    expect(chainProblem(chain, spki, names.slice(1), now)).toBeUndefined();
    expect(chainProblem(chain, keyPem, ['a.example', ...names], now)).toBe('it lacks a.example');
    expect(chainProblem(chain, await newPrivateKey('ECDSA-P256'), names, now)).toBe('it is for another key');
    expect(chainProblem(chain, keyPem, names, now + 40 * 86_400_000)).toContain('ended already');
    expect(chainProblem(authority.certificatePem + certificatePem, keyPem, names, now)).toBe(
      'it is for another key',
    );
    const stranger = await testAuthority('somebody else');
    expect(chainProblem(certificatePem + stranger.certificatePem, keyPem, names, now)).toBe(
      'certificate 1 of its chain is not signed by the next',
    );
    const damaged = chain.replace(/^((?:.*\n){6}.{10})./, '$1!');
    expect(chainProblem(damaged, keyPem, names, now)).toBeDefined();
    expect(chainProblem('', keyPem, names, now)).toBe('it is no PEM certificate');
  });
});
