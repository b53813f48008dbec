import type { DnsPart } from '../../src/protocol/snapshot.ts';
import type { TsigKeys } from '../dnssec/tsig-keys.ts';
import type { World } from './world.ts';

/** Everything secret that name servers hold, in memory only; each source keeps it encrypted at rest (I33). */
export interface NameServerSecrets {
  /**
   * Brings it in line with these zones. When it rejects nothing changed, and these zones must not be published.
   * @throws PortolanError STORE_UNAVAILABLE
   */
  follow(world: World): Promise<void>;
  /** The same object as long as nothing changed. */
  readonly part: DnsPart;
  /** By zone origin: hex SHA-256 of what is public of its signing material. */
  readonly digests: ReadonlyMap<string, string>;
  /** What was followed last is live under this content sequence. */
  published(sequence: number): void;
}

/** Where zone-signing keys come from. */
export interface SigningSource {
  follow(world: World): Promise<void>;
  /** By zone origin; the same object as long as nothing changed. */
  readonly material: DnsPart['signing'];
  readonly digests: ReadonlyMap<string, string>;
  published(sequence: number): void;
}

export function createNameServerSecrets(sources: {
  readonly tsigKeys: TsigKeys;
  readonly signing?: SigningSource;
}): NameServerSecrets {
  const { tsigKeys, signing } = sources;
  let part: DnsPart = { signing: signing?.material ?? NONE, tsigKeys: tsigKeys.all };
  return {
    async follow(world) {
      await tsigKeys.refresh(world);
      await signing?.follow(world);
      const material = signing?.material ?? NONE;
      if (part.signing !== material || part.tsigKeys !== tsigKeys.all)
        part = { signing: material, tsigKeys: tsigKeys.all };
    },
    get part() {
      return part;
    },
    get digests() {
      return signing?.digests ?? new Map();
    },
    published: (sequence) => signing?.published(sequence),
  };
}

const NONE: DnsPart['signing'] = {};
