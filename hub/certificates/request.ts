import { createPrivateKey, createPublicKey, type KeyObject, webcrypto } from 'node:crypto';
import type { NameSet } from '../../src/certificates/model.ts';
import { readCertificate, splitPem } from '../../src/identity/certificate.ts';

/** The library loads only where requests are made: it costs 22 MB and 0.1 s. */
async function x509() {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

/**
 * A PKCS#10 request (RFC 2986) for these names as alternative names, without a common name (RFC 8555 section 7.4 needs none).
 * @param keyPem PKCS#8 of one of our algorithms
 * @returns DER
 */
export async function certificateRequest(keyPem: string, names: NameSet): Promise<Uint8Array> {
  const lib = await x509();
  const privateKey = createPrivateKey(keyPem);
  const algorithm = signingOf(privateKey);
  const { subtle } = webcrypto;
  const pkcs8 = Uint8Array.from(privateKey.export({ type: 'pkcs8', format: 'der' }));
  const spki = Uint8Array.from(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  const request = await lib.Pkcs10CertificateRequestGenerator.create({
    keys: {
      privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
      publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
    signingAlgorithm: algorithm,
    extensions: [
      new lib.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value }))),
    ],
  });
  return new Uint8Array(request.rawData);
}

function signingOf(key: KeyObject) {
  if (key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return key.asymmetricKeyDetails?.namedCurve === 'secp384r1'
    ? { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }
    : { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
}

/** The public key of a request, SPKI DER, to compare with what a CA signed; undefined when it is no request. */
export async function keyOfRequest(csrDer: Uint8Array): Promise<Uint8Array | undefined> {
  const lib = await x509();
  try {
    return new Uint8Array(new lib.Pkcs10CertificateRequest(Uint8Array.from(csrDer)).publicKey.rawData);
  } catch {
    return undefined;
  }
}

/**
 * What is wrong with what a CA gave: it must be for our key and all our names (some CAs add one), leaf first, each signed by the next,
 * and not over. Whether anybody trusts it is not asked.
 * @param key PKCS#8 PEM, or the SPKI DER of a key that we do not have
 * @returns undefined when it can be served
 */
export function chainProblem(
  chainPem: string,
  key: string | Uint8Array,
  names: NameSet,
  nowMs: number,
): string | undefined {
  const chain = splitPem(chainPem).map(readCertificate);
  const [leaf] = chain;
  if (leaf === undefined) return 'it is no PEM certificate';
  const spki = leaf.publicKey.export({ type: 'spki', format: 'der' });
  const ours =
    typeof key === 'string' ? createPublicKey(key).export({ type: 'spki', format: 'der' }) : Buffer.from(key);
  if (!spki.equals(ours)) return 'it is for another key';
  const given = dnsNamesOf(leaf.subjectAltName ?? '');
  const missing = names.filter((name) => !given.has(name));
  if (missing.length > 0) return `it lacks ${missing.join(', ')}`;
  if (leaf.ca) return 'it is for an authority, not for a server';
  if (leaf.validToDate.getTime() <= nowMs) return "it has ended already, by this machine's clock";
  for (const [i, certificate] of chain.entries()) {
    const issuer = chain[i + 1];
    if (certificate === undefined) return `certificate ${i + 1} of its chain cannot be read`;
    if (i + 1 < chain.length && (issuer === undefined || !certificate.verify(issuer.publicKey)))
      return `certificate ${i + 1} of its chain is not signed by the next`;
  }
  return undefined;
}

function dnsNamesOf(subjectAltName: string): ReadonlySet<string> {
  return new Set(
    subjectAltName
      .split(', ')
      .map((one) => (one.startsWith('DNS:') ? one.slice('DNS:'.length).toLowerCase() : one)),
  );
}
