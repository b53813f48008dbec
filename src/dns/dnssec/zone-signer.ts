import { hash } from 'node:crypto';
import type { DomainName } from '../name.ts';
import { compileRRset, momentaryRRset, type RRset, WIRE_RECORD_HEAD } from '../rrset.ts';
import { TYPE } from '../types.ts';
import { canonicalOrder } from './canonical.ts';
import { privateKeyFrom } from './key.ts';
import type { SigningMaterial } from './material.ts';
import { readPresigned, type SignedSet } from './presigned.ts';
import { type SigningKey, signRRset } from './signature.ts';
import type { CachedSignatures, SignatureCache } from './signature-cache.ts';
import type { SigningBudget } from './signing-budget.ts';

/** Signs what a zone answers with, at the time it is asked for. */
export interface ZoneSigner {
  /** DNSKEY, and CDS and CDNSKEY while there are some: by type, at the apex, signed by the hub. */
  readonly presigned: ReadonlyMap<number, SignedSet>;
  /**
   * The RRSIG set over a set, with the TTL that the set has in this answer (RFC 4034 section 3).
   * @param originalTtlSeconds the TTL of the set in the zone: that of this answer, or more
   * @param fleeting the owner is no name of the zone: what a wildcard stands for, or a name that does not exist
   * @returns undefined when too many signatures were made in this second
   */
  signaturesOf(
    owner: DomainName,
    set: RRset,
    originalTtlSeconds: number,
    fleeting: boolean,
  ): RRset | undefined;
  /**
   * The RRSIG set over a set in a copy of the zone: valid as long as that over DNSKEY, which is made anew long before it ends and
   * brings a new serial with it. Neither kept nor counted as a budget's: whoever copies the zone takes its time.
   */
  signaturesForCopy(owner: DomainName, set: RRset): RRset;
}

/** What the signers of one process share. */
export interface SigningResources {
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  readonly budget: SigningBudget;
  /** Signatures over sets of names that exist. */
  readonly kept: SignatureCache;
  /** The others: queries choose their names, so they must not push out those of names that exist. */
  readonly fleeting: SignatureCache;
  /** Told what became of each set that needed signatures. */
  readonly count?: (outcome: SigningOutcome) => void;
}

/** Signatures were made, or were there already, or were beyond the budget. */
export type SigningOutcome = 'made' | 'kept' | 'refused';

/** Signatures begin an hour ago, for validators whose clock is behind. */
const BACKDATED_SECONDS = 3600;
/** Signatures are made anew when less than this share of their lifetime is left. */
const REFRESH_SHARE = 0.25;

/** @throws PortolanError DNSSEC_KEY_INVALID or DNS_WIRE_MALFORMED when the material is not what a hub makes */
export function createZoneSigner(
  material: SigningMaterial,
  origin: DomainName,
  resources: SigningResources,
): ZoneSigner {
  const keys: readonly SigningKey[] = material.signers.map(({ keyTag, privateKey }) => ({
    signer: origin,
    keyTag,
    privateKey: privateKeyFrom(Buffer.from(privateKey, 'base64')),
  }));
  const { wallMs, budget, kept, fleeting } = resources;
  // Signatures of other keys, or of other lifetimes, are other entries of a shared cache.
  const identity = hash(
    'sha256',
    JSON.stringify([origin, material.signatureValiditySeconds, material.signers]),
    'base64',
  );

  const make = (owner: DomainName, set: RRset, originalTtlSeconds: number, now: number): CachedSignatures => {
    const validity = {
      inceptionSeconds: now - BACKDATED_SECONDS,
      expirationSeconds: now + material.signatureValiditySeconds,
    };
    const signable = { owner, records: set.records, originalTtlSeconds };
    const records = keys.map((key) => signRRset(signable, key, validity));
    return {
      records,
      ...validity,
      refreshSeconds: Math.floor(
        validity.expirationSeconds - REFRESH_SHARE * material.signatureValiditySeconds,
      ),
      encoded: compileRRset(TYPE.RRSIG, set.ttlSeconds, records),
    };
  };

  const presigned = presignedSets(material);
  return {
    presigned,
    signaturesForCopy(owner, set) {
      const now = Math.floor(wallMs() / 1000);
      const validity = {
        inceptionSeconds: now - BACKDATED_SECONDS,
        expirationSeconds: Math.max(now + material.signatureValiditySeconds, expirationOf(presigned)),
      };
      const signable = { owner, records: set.records, originalTtlSeconds: set.ttlSeconds };
      return momentaryRRset(
        TYPE.RRSIG,
        set.ttlSeconds,
        keys.map((key) => signRRset(signable, key, validity)),
      );
    },
    signaturesOf(owner, set, originalTtlSeconds, isFleeting) {
      const cache = isFleeting ? fleeting : kept;
      const key = `${identity} ${originalTtlSeconds} ${owner} ${contentOf(set)}`;
      const now = Math.floor(wallMs() / 1000);
      let entry = cache.get(key);
      let outcome: SigningOutcome = 'kept';
      if (entry === undefined || now >= entry.refreshSeconds || now < entry.inceptionSeconds) {
        const stillValid =
          entry !== undefined && now < entry.expirationSeconds && now >= entry.inceptionSeconds;
        if (budget.take(isFleeting)) {
          entry = make(owner, set, originalTtlSeconds, now);
          cache.set(key, entry);
          outcome = 'made';
        } else if (!stillValid) {
          entry = undefined;
          outcome = 'refused';
        }
      }
      resources.count?.(outcome);
      if (entry === undefined) return undefined;
      if (entry.encoded.ttlSeconds === set.ttlSeconds) return entry.encoded;
      return momentaryRRset(TYPE.RRSIG, set.ttlSeconds, entry.records);
    },
  };
}

function presignedSets(material: SigningMaterial): ReadonlyMap<number, SignedSet> {
  const sets = new Map([[TYPE.DNSKEY as number, readPresigned(TYPE.DNSKEY, material.dnskey)]]);
  if (material.cds !== undefined) sets.set(TYPE.CDS, readPresigned(TYPE.CDS, material.cds));
  if (material.cdnskey !== undefined) sets.set(TYPE.CDNSKEY, readPresigned(TYPE.CDNSKEY, material.cdnskey));
  return sets;
}

/** When the first signature that the hub made ends, in seconds since 1970. */
function expirationOf(presigned: ReadonlyMap<number, SignedSet>): number {
  const signatures = [...presigned.values()].flatMap(({ signatures: { records } }) =>
    records.filter((rdata) => rdata.type === 'RRSIG'),
  );
  return Math.min(...signatures.map(({ expiration }) => expiration));
}

/** A set beyond one of these is read and sorted once, not for each query: its answer is truncated over UDP, but has to be made. */
const LARGE = { octets: 512, records: 16 };
const largeContents = new WeakMap<RRset, string>();

/** Text that is equal for sets of equal type and records; short also for a large set, and then remembered. */
function contentOf(set: RRset): string {
  const large = set.wire === undefined ? set.records.length > LARGE.records : set.wire.length > LARGE.octets;
  if (!large) return readContent(set);
  let content = largeContents.get(set);
  if (content === undefined) {
    content = `#${hash('sha256', readContent(set), 'base64')}`; // others begin with a digit
    largeContents.set(set, content);
  }
  return content;
}

/** Type and records as text that is equal for equal sets, in whatever order the records of a routed answer are, and with any TTL. */
function readContent(set: RRset): string {
  const { type, wire } = set; // not the records, which a packed set would decode
  const texts: string[] = [];
  if (wire === undefined) {
    for (const rdata of canonicalOrder(set.records))
      texts.push(
        String.fromCharCode(rdata.length >> 8, rdata.length & 0xff) + latin1(rdata, 0, rdata.length),
      );
  } else {
    for (let at = 0; at < wire.length; ) {
      const lengthAt = at + WIRE_RECORD_HEAD - 2;
      at = lengthAt + 2 + (((wire[lengthAt] ?? 0) << 8) | (wire[lengthAt + 1] ?? 0));
      texts.push(latin1(wire, lengthAt, at));
    }
  }
  if (texts.length > 1) texts.sort();
  return `${type} ${texts.join('')}`; // each text begins with its length, so that they cannot run into each other
}

function latin1(octets: Uint8Array, from: number, to: number): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1', from, to);
}
