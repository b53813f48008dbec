import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls';
import { errorCode, networkFailure } from './network-failure.ts';
import { ProbeFailure } from './probe.ts';

interface Circumstances {
  readonly address: string;
  /** The name that was asked for. */
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** The server's certificate, when the handshake got that far. */
  readonly seen: PeerCertificate | undefined;
}

const DAY_MS = 86_400_000;

/** Turns an error of a TLS handshake into a sentence about what is wrong with the server. */
export function certificateFailure(thrown: unknown, circumstances: Circumstances): Error {
  const code = errorCode(thrown);
  const { name, nowMs, seen } = circumstances;
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return failure(`certificate is for ${namesOf(seen) || 'no name'}, not ${name}`, thrown);
    case 'CERT_HAS_EXPIRED':
      return failure(expired(seen, nowMs), thrown);
    case 'CERT_NOT_YET_VALID':
      return failure(notYetValid(seen, nowMs), thrown);
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return failure('certificate is self-signed and not trusted', thrown);
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return failure(`certificate chain ends at a root that is not trusted${issuedBy(seen)}`, thrown);
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return failure(
        `certificate issuer is not trusted, or the chain is incomplete${issuedBy(seen)}`,
        thrown,
      );
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
    case 'ERR_SSL_UNKNOWN_PROTOCOL':
    case 'ERR_SSL_HTTP_REQUEST':
      return failure('the server does not speak TLS on this port', thrown);
    case 'ECONNRESET':
      return failure('connection closed during the TLS handshake', thrown);
    default:
      if (code.startsWith('ERR_SSL_')) return failure(`TLS handshake failed: ${reasonOf(thrown)}`, thrown);
      if (seen !== undefined && /^[A-Z_]*CERT[A-Z_]*$/.test(code)) {
        return failure(
          `certificate is not valid: ${thrown instanceof Error ? thrown.message : code}`,
          thrown,
        );
      }
      return networkFailure(thrown, circumstances.address);
  }
}

function failure(detail: string, cause: unknown): ProbeFailure {
  return new ProbeFailure(detail, { cause });
}

function expired(seen: PeerCertificate | undefined, nowMs: number): string {
  const certificate = chainOf(seen).find(({ valid_to }) => Date.parse(valid_to) < nowMs);
  if (certificate === undefined) return 'certificate, or one in its chain, has expired';
  const days = Math.floor((nowMs - Date.parse(certificate.valid_to)) / DAY_MS);
  return `${calling(certificate, seen)} expired ${days === 0 ? 'less than a day' : plural(days, 'day')} ago`;
}

function notYetValid(seen: PeerCertificate | undefined, nowMs: number): string {
  const certificate = chainOf(seen).find(({ valid_from }) => Date.parse(valid_from) > nowMs);
  if (certificate === undefined) return 'certificate, or one in its chain, is not valid yet';
  return `${calling(certificate, seen)} is not valid before ${new Date(certificate.valid_from).toISOString()}`;
}

function calling(certificate: PeerCertificate, leaf: PeerCertificate | undefined): string {
  if (certificate === leaf) return 'certificate';
  return `certificate of the issuer ${commonName(certificate) ?? 'without a name'}`;
}

function chainOf(leaf: PeerCertificate | undefined): readonly PeerCertificate[] {
  const chain: PeerCertificate[] = [];
  let next: PeerCertificate | undefined = leaf;
  // A root is its own issuer.
  while (next?.valid_to !== undefined && !chain.includes(next)) {
    chain.push(next);
    next = isDetailed(next) ? next.issuerCertificate : undefined;
  }
  return chain;
}

function isDetailed(certificate: PeerCertificate): certificate is DetailedPeerCertificate {
  return 'issuerCertificate' in certificate;
}

/** The first three names of a certificate: "a.example, b.example and 4 more". */
function namesOf(seen: PeerCertificate | undefined): string {
  const names = (seen?.subjectaltname ?? '')
    .split(', ')
    .filter((entry) => entry !== '')
    .map((entry) => entry.replace(/^(DNS|IP Address|URI|email):/, ''));
  if (names.length > 3) return `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
  return names.length > 0 ? names.join(', ') : (commonName(seen) ?? '');
}

function issuedBy(seen: PeerCertificate | undefined): string {
  const issuer: unknown = seen?.issuer?.CN;
  return typeof issuer === 'string' ? ` (issued by ${issuer})` : '';
}

function commonName(certificate: PeerCertificate | undefined): string | undefined {
  const name: unknown = certificate?.subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && 'reason' in thrown && typeof thrown.reason === 'string')
    return thrown.reason;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
