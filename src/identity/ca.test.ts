import { createPrivateKey, generateKeyPairSync, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CaMaterial, type CertificateAuthority, createCa, openCa } from './ca.ts';
import { HUB_SERVER_NAME, readAgentCertificate } from './certificate.ts';
import { createCsr, newAgentKey, spkiSha256Of } from './csr.ts';

const nowMs = Date.UTC(2030, 0, 2, 3, 4, 5);
const principal = { hubUid: 'h', clusterUid: 'c', agentUid: 'a' };
let material: CaMaterial;
let ca: CertificateAuthority;

beforeAll(async () => {
  material = await createCa({ hubUid: 'h', nowMs, randomBytes });
  ca = await openCa(material, randomBytes);
});

const issue = (csrDer: Uint8Array) => ca.issueAgent({ csrDer, principal, generation: 4, nowMs });

describe('the CA', () => {
  it('issues what a certificate says by the clock it was given: 7 days, backdated 15 minutes, both ends of TLS', async () => {
    const key = newAgentKey();
    const pem = await issue(createCsr(key));
    expect(readAgentCertificate(pem)).toEqual({
      principal,
      generation: 4,
      notBeforeMs: nowMs - 900_000,
      notAfterMs: nowMs + 7 * 86_400_000,
      spkiSha256: spkiSha256Of(key),
    });
    const leaf = new X509Certificate(pem);
    expect(leaf.verify(new X509Certificate(material.certificatePem).publicKey)).toBe(true);
    expect(leaf.ca).toBe(false);
    expect([...(leaf.keyUsage ?? [])].sort()).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
  });

  it('gives its own certificates the fixed name, for servers only', async () => {
    const pair = await ca.issueHubServer(nowMs);
    const leaf = new X509Certificate(pair.certificatePem);
    expect(leaf.subjectAltName).toBe(`DNS:${HUB_SERVER_NAME}`);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(readAgentCertificate(pair.certificatePem)).toBeUndefined();
  });

  it('ignores every name and extension a request asks for', async () => {
    const lib = await import('@peculiar/x509');
    const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    const request = await lib.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=hub.portolan.internal,2.5.4.5=9',
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new lib.BasicConstraintsExtension(true, 3, true),
        new lib.SubjectAlternativeNameExtension([
          { type: 'dns', value: HUB_SERVER_NAME },
          { type: 'url', value: 'spiffe://h/cluster/c/agent/other' },
        ]),
      ],
    });
    const pem = await issue(new Uint8Array(request.rawData));
    const leaf = new X509Certificate(pem);
    expect(leaf.subject).toBe('CN=a\nserialNumber=4');
    expect(leaf.subjectAltName).toBe('URI:spiffe://h/cluster/c/agent/a');
    expect(leaf.ca).toBe(false);
  });

  it('refuses every request with one octet changed, unless it still is the same request', async () => {
    const key = newAgentKey();
    const csr = createCsr(key);
    let refused = 0;
    for (let at = 0; at < csr.length; at += 1) {
      const broken = Buffer.from(csr);
      broken.writeUInt8(broken.readUInt8(at) ^ 0x01, at);
      const outcome = await issue(broken).catch((error: unknown) => error);
      if (typeof outcome === 'string')
        expect(readAgentCertificate(outcome)?.spkiSha256).toBe(spkiSha256Of(key));
      else {
        expect(outcome).toMatchObject({ code: 'CSR_INVALID' });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(csr.length - 8);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['not DER', Buffer.from('hello')],
    ['too long', Buffer.alloc(10_000, 0x30)],
  ])('refuses a request that is %s', async (_, csr) => {
    await expect(issue(csr)).rejects.toMatchObject({ code: 'CSR_INVALID' });
  });

  it('refuses a key that is not P-256', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const attempt = issue(createCsr(other.toString()));
    await expect(attempt).rejects.toMatchObject({ code: 'CSR_INVALID' });
    await expect(attempt).rejects.toThrow('P-256');
  });

  it('does not open with a key that is not its own', async () => {
    const mixed = { ...material, privateKeyPem: newAgentKey() };
    await expect(openCa(mixed, randomBytes)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('gives every certificate a serial number of its own', async () => {
    const csr = createCsr(newAgentKey());
    const serials = await Promise.all(
      Array.from({ length: 5 }, async () => new X509Certificate(await issue(csr)).serialNumber),
    );
    expect(new Set(serials).size).toBe(5);
  });
});
