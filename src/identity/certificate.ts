import { X509Certificate } from 'node:crypto';
import { sha256Hex } from './digest.ts';
import { type AgentPrincipal, parsePrincipal } from './principal.ts';

/** The name in every hub's server certificate. Agents check it whatever address they dialled, so addresses may change. */
export const HUB_SERVER_NAME = 'hub.portolan.internal';

/** What an agent's certificate says. Trust in the chain is the TLS layer's; this only reads. */
export interface AgentCertificate {
  readonly principal: AgentPrincipal;
  /** Generation of the identity: after a revocation or a new join, older ones are refused. */
  readonly generation: number;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Hex SHA-256 of the public key. */
  readonly spkiSha256: string;
}

/** Reads PEM or DER; `undefined` when it is not an agent certificate of ours (exactly one SAN, a SPIFFE URI of our form). */
export function readAgentCertificate(certificate: string | Uint8Array): AgentCertificate | undefined {
  const parsed = readCertificate(certificate);
  if (parsed === undefined) return undefined;
  const names = /^URI:(\S+)$/.exec(parsed.subjectAltName ?? '');
  const principal = parsePrincipal(names?.[1] ?? '');
  const generation = Number(/^serialNumber=([1-9]\d{0,14})$/m.exec(parsed.subject)?.[1]);
  if (principal === undefined || !Number.isSafeInteger(generation)) return undefined;
  return {
    principal,
    generation,
    notBeforeMs: parsed.validFromDate.getTime(),
    notAfterMs: parsed.validToDate.getTime(),
    spkiSha256: sha256Hex(parsed.publicKey.export({ type: 'spki', format: 'der' })),
  };
}

/** `undefined` when it is no certificate at all. */
export function readCertificate(certificate: string | Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

/** The certificates of a PEM bundle, each as PEM. */
export function splitPem(bundle: string): readonly string[] {
  return (
    bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)?.map((pem) => `${pem}\n`) ??
    []
  );
}
