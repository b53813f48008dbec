import { momentaryRRset, type OwnedRRset, type RRset } from '../rrset.ts';
import type { ZoneSigner } from './zone-signer.ts';

/** A set of an answer and how it is signed. */
export interface AnswerPart extends OwnedRRset {
  /**
   * `zone`: a set of the zone at its own name. `fleeting`: the owner is one that the query chose. `none`: what the zone does
   * not answer for (delegations, glue) or what follows from another set (the CNAME of a DNAME, RFC 6672 section 5.3.1).
   */
  readonly signing: 'zone' | 'fleeting' | 'none';
  /** The TTL of the set in the zone; the one in this answer may be less. */
  readonly originalTtlSeconds: number;
  /** Signatures that were made before. */
  readonly signatures?: RRset;
}

/**
 * A section with the signatures of its sets.
 * @param trailing all signatures behind all sets: for what may be cut short, sets first (RFC 4035 section 3.1.1)
 * @returns undefined when the signer has made too many signatures
 */
export function signSection(
  parts: readonly AnswerPart[],
  signer: ZoneSigner,
  trailing = false,
): readonly OwnedRRset[] | undefined {
  const section: OwnedRRset[] = [];
  const behind: OwnedRRset[] = trailing ? [] : section;
  for (const part of parts) {
    const { owner, set, signing } = part;
    section.push(part);
    if (signing === 'none') continue;
    const signatures =
      part.signatures ?? signer.signaturesOf(owner, set, part.originalTtlSeconds, signing === 'fleeting');
    if (signatures === undefined) return undefined;
    behind.push({ owner, set: withTtl(signatures, set.ttlSeconds) });
  }
  if (trailing) section.push(...behind);
  return section;
}

/** RFC 4034 section 3: a signature has the TTL of its set. */
function withTtl(signatures: RRset, ttlSeconds: number): RRset {
  if (signatures.ttlSeconds === ttlSeconds) return signatures;
  return momentaryRRset(signatures.type, ttlSeconds, signatures.records);
}
