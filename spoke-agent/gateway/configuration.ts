import { sha256Hex } from '../../src/identity/digest.ts';
import type { SignedSnapshot, VerifiedSnapshot } from '../../src/identity/snapshot-signing.ts';
import type { GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { readPiece } from '../../src/policy/piece-bytes.ts';
import type { GatewayFrame } from '../../src/policy/pieces.ts';
import { invalid, readPart } from '../snapshot-file.ts';

/**
 * The gateway of a snapshot file as it lies there: whole (an older hub's) or in pieces. Bytes are views into the file, so whoever keeps
 * one keeps the file.
 */
export type GatewayFile = {
  /** Hex, of the frame's or part's bytes: equal ones are the same gateway, but for secrets. */
  readonly digest: string;
  /** Hex; empty: there are none. */
  readonly secretsDigest: string;
  readonly secrets: () => GatewaySecrets;
} & (
  | { readonly form: 'whole'; readonly part: () => GatewayPart }
  | {
      readonly form: 'pieces';
      readonly frame: GatewayFrame;
      /** By SHA-256 (hex), each once; every one that `frame.pieces` names. */
      readonly pieces: ReadonlyMap<string, Uint8Array>;
    }
);

/**
 * @param signed what was verified when it was written to its file: pieces come in the order in which the frame first names them
 * @returns undefined: the cluster has no Gateway, or the hub knows no such part
 * @throws PortolanError SNAPSHOT_INVALID when the pieces are not those of the frame
 */
export function readGatewayFile(signed: Pick<SignedSnapshot, 'parts' | 'pieces'>): GatewayFile | undefined {
  const bytesOf = (name: string): Uint8Array | undefined =>
    signed.parts.find((part) => part.name === name)?.content;
  const secrets = bytesOf('gatewaySecrets');
  const common = {
    secretsDigest: secrets === undefined ? '' : sha256Hex(secrets),
    secrets: () => (secrets === undefined ? NO_GATEWAY_SECRETS : readPart(secrets, 'gatewaySecrets')),
  };
  const frameBytes = bytesOf('gatewayFrame');
  if (frameBytes === undefined) {
    const part = bytesOf('gateway');
    return part === undefined
      ? undefined
      : { ...common, form: 'whole', digest: sha256Hex(part), part: () => readPart(part, 'gateway') };
  }
  const frame = readPart(frameBytes, 'gatewayFrame');
  const pieces = new Map<string, Uint8Array>();
  for (const { sha256, size } of frame.pieces) {
    if (pieces.has(sha256)) continue;
    const bytes = signed.pieces[pieces.size];
    // Not hashed once more: who wrote the file had verified them.
    if (bytes?.length !== size) throw invalid('its pieces are not those of its frame');
    pieces.set(sha256, bytes);
  }
  return { ...common, form: 'pieces', digest: sha256Hex(frameBytes), frame, pieces };
}

/** Some request has to be asked where its client is. */
export function needsCountries({ edge, auth, rules, quota }: GatewayPart): boolean {
  if (Object.values(edge).some(({ residency }) => residency?.rules.some(({ inside }) => !inside) === true))
    return true;
  // `source.country` in CEL: a word in another place costs a look-up that nobody uses, and no more.
  return JSON.stringify([auth, quota?.policies, Object.values(rules).map(({ callers }) => callers)]).includes(
    'country',
  );
}

/** `needsCountries` of a snapshot, of which only what may say so is parsed. */
export function locatesClients({ parts, pieces }: Pick<VerifiedSnapshot, 'parts' | 'pieces'>): boolean {
  if (parts.gateway !== undefined) return needsCountries(readPart(parts.gateway, 'gateway'));
  for (const bytes of pieces.values()) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (!text.includes('"inside":false') && !text.includes('country')) continue;
    const { edge, auth, rules, quotas } = readPiece(bytes);
    const quota = { version: 0, budgets: [], domains: {}, policies: quotas };
    if (needsCountries({ ports: [], backends: {}, edge, auth, rules, quota })) return true;
  }
  return false;
}
