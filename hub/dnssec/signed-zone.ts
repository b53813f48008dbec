import { z } from 'zod';
import { generateKey, KEY_FLAGS, type KeyPair, keyPairOf } from '../../src/dns/dnssec/key.ts';
import type { RolloverState } from '../../src/dns/dnssec/rollover-state.ts';
import type { PresignedApex, SigningSettings } from '../../src/dns/dnssec/zone-material.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { ZoneSigningKey } from '../store/contract.ts';

/** A zone's signing as it is kept: what is written is one value of the store, never half of it. */
export interface SignedZone {
  /** Of the store's record; 0: not written yet. */
  readonly version: number;
  readonly state: RolloverState;
  readonly settings: SigningSettings;
  readonly zskLifetimeMs: number;
  readonly apex: PresignedApex | undefined;
  /** By key id. */
  readonly pairs: ReadonlyMap<string, KeyPair>;
}

const seconds = z.number().int().min(0);
const instant = z.number();
const ds = z.object({
  keyTag: z.number().int(),
  algorithm: z.number().int(),
  digestType: z.number().int(),
  digest: z.string(),
});
const key = z.object({
  id: z.string().min(1),
  keyTag: z.number().int(),
  role: z.enum(['ksk', 'zsk']),
  state: z.enum(['published', 'ready', 'active', 'retired']),
  createdAtMs: instant,
  sinceMs: instant,
  revision: z.number().int(),
  spreadAtMs: instant.exactOptional(),
  ds: z.array(ds),
  dsSeenAtMs: instant.exactOptional(),
  dsConfirmed: z.boolean().exactOptional(),
});
const state = z.object({
  phase: z.enum(['signing', 'awaiting-ds', 'signed', 'unsigning', 'unsigned']),
  sinceMs: instant,
  revision: z.number().int(),
  keys: z.array(key),
  ttl: z.object({
    seconds,
    lowered: z
      .object({ seconds, revision: z.number().int(), spreadAtMs: instant.exactOptional() })
      .exactOptional(),
  }),
  excused: z.array(z.string()),
  dsTtlSeconds: seconds.exactOptional(),
  parentSeenAtMs: instant.exactOptional(),
  dsGoneAtMs: instant.exactOptional(),
  farewell: z
    .object({
      revision: z.number().int(),
      spreadAtMs: instant.exactOptional(),
      dsShown: z.boolean().exactOptional(),
    })
    .exactOptional(),
});
const presigned = z.object({
  ttlSeconds: seconds,
  records: z.array(z.string()),
  signatures: z.array(z.string()),
});
const stored = z.object({
  state,
  settings: z.object({
    dnskeyTtlSeconds: seconds,
    dnskeyValiditySeconds: seconds,
    signatureValiditySeconds: seconds,
  }),
  zskLifetimeMs: z.number(),
  apex: z
    .object({
      signedAtMs: instant,
      madeOf: z.string(),
      dnskey: presigned,
      cds: presigned.exactOptional(),
      cdnskey: presigned.exactOptional(),
    })
    .exactOptional(),
});

const KEY_FIELD = 'key/';

/** The values of a store's record. Private keys that no key of the state has are left out: they are gone with this write. */
export function toValues(zone: SignedZone): Readonly<Record<string, string>> {
  const { apex, settings, zskLifetimeMs } = zone;
  const text = JSON.stringify({
    state: zone.state,
    settings,
    zskLifetimeMs,
    ...(apex === undefined ? {} : { apex }),
  });
  const keys = zone.state.keys.flatMap(({ id }) => {
    const pair = zone.pairs.get(id);
    return pair === undefined
      ? []
      : [[`${KEY_FIELD}${id}`, Buffer.from(pair.privateKey).toString('base64')] as const];
  });
  return { state: text, ...Object.fromEntries(keys) };
}

/** @throws PortolanError STORE_CORRUPT when a key of the zone is not there: serving it without would make it bogus */
export function fromValues(
  zone: ZoneSigningKey,
  record: { readonly version: number; readonly values: Readonly<Record<string, string>> },
): SignedZone {
  const corrupt = (why: string, cause?: unknown): PortolanError =>
    new PortolanError('STORE_CORRUPT', `the keys of ${zone.origin} (namespace ${zone.namespace}): ${why}`, {
      cause,
    });
  let parsed: z.output<typeof stored>;
  try {
    parsed = stored.parse(JSON.parse(record.values.state ?? ''));
  } catch (cause) {
    throw corrupt('their state cannot be read', cause);
  }
  const pairs = new Map<string, KeyPair>();
  for (const { id, role } of parsed.state.keys) {
    const text = record.values[`${KEY_FIELD}${id}`];
    if (text === undefined) throw corrupt(`private key ${id} is missing`);
    pairs.set(id, keyPairOf(new Uint8Array(Buffer.from(text, 'base64')), flagsOf(role)));
  }
  const { apex, ...rest } = parsed;
  return { ...rest, version: record.version, apex, pairs };
}

/** A key pair whose tag no other key of the zone has, so that validators need not try several (RFC 6840 section 5.9). */
export function newPair(role: 'ksk' | 'zsk', taken: ReadonlySet<number>): KeyPair {
  for (;;) {
    const pair = generateKey(flagsOf(role));
    if (!taken.has(pair.keyTag)) return pair;
  }
}

function flagsOf(role: 'ksk' | 'zsk') {
  return role === 'ksk' ? KEY_FLAGS.keySigning : KEY_FLAGS.zoneSigning;
}
