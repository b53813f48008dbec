import type { Principal } from './contract.ts';

interface Verified {
  readonly principal: Principal;
  readonly untilMs: number;
  readonly generation: number;
}

/** Tokens that were verified, by SHA-256 of the token; bounded, the oldest goes first. */
export interface VerifiedTokens {
  find(digest: string, wallMs: number, generation: number): Principal | undefined;
  keep(digest: string, principal: Principal, untilMs: number, generation: number): void;
}

export function verifiedTokens(maxEntries: number): VerifiedTokens {
  const entries = new Map<string, Verified>();
  return {
    find(digest, wallMs, generation) {
      const entry = entries.get(digest);
      if (entry === undefined) return undefined;
      if (wallMs < entry.untilMs && entry.generation === generation) return entry.principal;
      entries.delete(digest);
      return undefined;
    },
    keep(digest, principal, untilMs, generation) {
      if (entries.size >= maxEntries) {
        const [oldest] = entries.keys();
        if (oldest !== undefined) entries.delete(oldest);
      }
      entries.set(digest, { principal, untilMs, generation });
    },
  };
}
