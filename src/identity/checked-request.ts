import { createPublicKey, type KeyObject } from 'node:crypto';
import { messageOf, PortolanError } from '../errors/error.ts';

/** What an agent was asked to make a request for. */
export interface WantedRequest {
  readonly names: readonly string[];
  /** `ECDSA-P256`, `ECDSA-P384`, `RSA-<bits>`. */
  readonly algorithm: string;
}

/** With a hundred of the longest names in it. */
const MAX_OCTETS = 65_536;
const SUBJECT_ALT_NAME = '2.5.29.17';

/**
 * A certificate request (PKCS#10, DER) that an agent made for a key of its own, checked before any authority sees it: the signature proves
 * possession of the key, the key is what was asked for, and its names are exactly the wanted ones. @returns the request
 * @throws PortolanError CSR_INVALID
 */
export async function checkedRequest(csrDer: Uint8Array, wanted: WantedRequest): Promise<Uint8Array> {
  if (csrDer.length > MAX_OCTETS) throw refused(`it is longer than ${MAX_OCTETS} octets`);
  // Loaded only where requests come: it costs 22 MB and 0.1 s.
  await import('reflect-metadata');
  const { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } = await import('@peculiar/x509');
  let algorithm: string;
  let found: readonly string[];
  let others: readonly string[];
  let verified: boolean;
  try {
    const request = new Pkcs10CertificateRequest(Uint8Array.from(csrDer));
    const spki = Buffer.from(request.publicKey.rawData);
    algorithm = algorithmOf(createPublicKey({ key: spki, format: 'der', type: 'spki' }));
    const names = request
      .getExtensions(SUBJECT_ALT_NAME)
      .flatMap(({ rawData }) => new SubjectAlternativeNameExtension(rawData).names.items);
    found = names.map(({ type, value }) => (type === 'dns' ? value.toLowerCase() : `${type}:${value}`));
    others = request.extensions.filter(({ type }) => type !== SUBJECT_ALT_NAME).map(({ type }) => type);
    verified = await request.verify();
  } catch (error) {
    throw refused(messageOf(error), error);
  }
  if (!verified) throw refused('its signature does not fit its key');
  if (algorithm !== wanted.algorithm) throw refused(`its key is ${algorithm} and not ${wanted.algorithm}`);
  if (found.toSorted().join(' ') !== wanted.names.toSorted().join(' '))
    throw refused(`it is for ${found.join(', ') || 'no name'} and not for ${wanted.names.join(', ')}`);
  if (others.length > 0) throw refused(`it asks for more than names: ${others.join(', ')}`);
  return csrDer;
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  if (asymmetricKeyType === 'rsa') return `RSA-${asymmetricKeyDetails?.modulusLength}`;
  const curve = asymmetricKeyDetails?.namedCurve;
  if (curve === 'prime256v1') return 'ECDSA-P256';
  if (curve === 'secp384r1') return 'ECDSA-P384';
  return curve ?? asymmetricKeyType ?? 'unknown';
}

function refused(reason: string, cause?: unknown): PortolanError {
  return new PortolanError('CSR_INVALID', `the certificate request is refused: ${reason}`, { cause });
}
