import type { X509Certificate } from 'node:crypto';
import { readCertificate, splitPem } from '../../src/identity/certificate.ts';

/** The certificates of PEM bundles that may stand at the top of a chain. */
export function trustAnchors(bundles: readonly string[]): readonly X509Certificate[] {
  return bundles.flatMap(splitPem).flatMap((pem) => readCertificate(pem) ?? []);
}

const MAX_DEPTH = 6;
const MAX_INTERMEDIATES = 10;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_PURPOSE = '2.5.29.37.0';

export type ChainVerdict = 'trusted' | 'expired' | 'untrusted';

/**
 * Whether a client certificate chains to one of the anchors (RFC 5280 section 6, without revocation lists): signatures, validity at
 * `wallMs`, CA flag and path length of issuers, purpose of the leaf. An issuer with name constraints is not taken: they are not judged
 * here, and leaving them out would trust too much.
 * @param chain leaf first; the order of the rest does not matter
 */
export function judgeChain(
  chain: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  wallMs: number,
): ChainVerdict {
  const [leaf, ...others] = chain;
  if (leaf === undefined || leaf.ca) return 'untrusted';
  const purposes: readonly string[] | undefined = leaf.keyUsage;
  if (purposes !== undefined && !purposes.includes(CLIENT_AUTH) && !purposes.includes(ANY_PURPOSE)) {
    return 'untrusted';
  }
  const verdict = climb(leaf, others.slice(0, MAX_INTERMEDIATES), anchors, wallMs, 0);
  if (verdict === 'trusted' && !validAt(leaf, wallMs)) return 'expired';
  return verdict;
}

/** @param below CA certificates between the leaf and this one */
function climb(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
  wallMs: number,
  below: number,
): ChainVerdict {
  if (below >= MAX_DEPTH) return 'untrusted';
  let verdict: ChainVerdict = 'untrusted';
  for (const anchor of anchors) {
    if (!issued(anchor, certificate, below)) continue;
    if (validAt(anchor, wallMs)) return 'trusted';
    verdict = 'expired';
  }
  for (const issuer of intermediates) {
    if (!issued(issuer, certificate, below)) continue;
    const rest = intermediates.filter((other) => other !== issuer);
    const above = climb(issuer, rest, anchors, wallMs, below + 1);
    if (above === 'trusted' && validAt(issuer, wallMs)) return 'trusted';
    if (above !== 'untrusted') verdict = 'expired';
  }
  return verdict;
}

function issued(issuer: X509Certificate, certificate: X509Certificate, below: number): boolean {
  return (
    issuer.ca &&
    certificate.checkIssued(issuer) &&
    below <= pathLengthOf(issuer) &&
    !issuer.raw.includes(NAME_CONSTRAINTS) &&
    certificate.verify(issuer.publicKey)
  );
}

function validAt(certificate: X509Certificate, wallMs: number): boolean {
  return certificate.validFromDate.getTime() <= wallMs && wallMs <= certificate.validToDate.getTime();
}

/** DER of the object identifiers 2.5.29.30 and 2.5.29.19. */
const NAME_CONSTRAINTS = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x1e]);
const BASIC_CONSTRAINTS = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x13]);

/** `pathLenConstraint` of a CA certificate (RFC 5280 section 4.2.1.9); Infinity without one, −1 when it cannot be read. */
export function pathLengthOf(certificate: X509Certificate): number {
  const { raw } = certificate;
  const at = raw.indexOf(BASIC_CONSTRAINTS);
  if (at === -1) return -1;
  let next = at + BASIC_CONSTRAINTS.length;
  // critical BOOLEAN DEFAULT FALSE
  if (raw[next] === 0x01) next += 3;
  // OCTET STRING { SEQUENCE { cA BOOLEAN, pathLenConstraint INTEGER OPTIONAL } }
  if (raw[next] !== 0x04 || raw[next + 2] !== 0x30) return -1;
  const end = next + 4 + (raw[next + 3] ?? 0);
  next += 4;
  if (raw[next] === 0x01) next += 3;
  if (next >= end) return Number.POSITIVE_INFINITY;
  if (raw[next] !== 0x02) return -1;
  const length = raw[next + 1] ?? 0;
  // Nobody has a chain that needs two octets for its length.
  return length === 1 ? (raw[next + 2] ?? -1) : -1;
}

/** DER octets as a certificate; undefined when they are none. */
export function certificateFrom(der: Uint8Array): X509Certificate | undefined {
  return readCertificate(der);
}
