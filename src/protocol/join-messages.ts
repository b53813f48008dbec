import { z } from 'zod';
import { objectName } from '../resources/metadata.ts';

/** The JSON of the join listener (HTTPS): `GET /ca`, `POST /join`, `GET /challenge`, `POST /renew`. */

const uid = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const hex = (octets: number) => z.string().regex(new RegExp(`^[0-9a-f]{${octets * 2}}$`));
const base64 = (maximum: number) => z.base64().min(4).max(maximum);
const pem = z.string().min(1).max(65_536);

/** Largest body either side of the join listener reads, octets. */
export const MAX_JOIN_BODY_OCTETS = 16_384;
export const MAX_JOIN_REPLY_OCTETS = 262_144;

export const joinRequest = z.object({
  /** From the token; the hub refuses a token of another cluster. */
  clusterUid: uid,
  tokenId: hex(16),
  secret: hex(32),
  /** PKCS#10, DER. */
  csr: base64(8_192),
});
export type JoinRequest = z.output<typeof joinRequest>;

export const joinReply = z.object({
  hubUid: uid,
  clusterUid: uid,
  cluster: z.object({ namespace: objectName, name: objectName }),
  agentUid: uid,
  generation: z.number().int().positive(),
  /** Leaf first. */
  certificateChainPem: pem,
  /** Every CA of the hub. */
  caPem: pem,
  /** `host:port` of the agent link. */
  linkAddresses: z.array(z.string().min(3).max(300)).min(1).max(16),
  snapshotKeys: z
    .array(z.object({ id: hex(32), publicKeyPem: pem }))
    .min(1)
    .max(8),
  /** The hub's wall clock, milliseconds since the epoch. */
  hubWallMs: z.number().int().nonnegative(),
});
export type JoinReply = z.output<typeof joinReply>;

export const challengeReply = z.object({
  challenge: z.string().min(16).max(256),
  hubWallMs: z.number().int(),
});

/** Renewal without mTLS, for a certificate that TLS would refuse because it has expired. */
export const renewRequest = z.object({
  challenge: z.string().min(16).max(256),
  certificateChainPem: pem,
  /** PKCS#10 for the new key, DER. */
  csr: base64(8_192),
  /** By the key of the presented certificate over `renewalProof`. */
  signature: base64(1_024),
});
export type RenewRequest = z.output<typeof renewRequest>;

export const renewReply = z.object({ certificateChainPem: pem, hubWallMs: z.number().int() });

/** What the old key signs (ECDSA, SHA-256, DER) to prove that its holder asks for this certificate, now. */
export function renewalProof(challenge: string, csrDer: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`portolan-renew-v1\0${challenge}\0`, 'utf8'), csrDer]);
}
