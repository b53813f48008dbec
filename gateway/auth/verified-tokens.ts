import type { Principal } from './contract.ts';

interface Verified {
  readonly principal: Principal;
  readonly untilMs: number;
  readonly generation: number;
}

/** What was verified, tokens and certificates, by SHA-256; bounded, the oldest goes first. */
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

/** Memories that outlive a configuration: a rule that stays as it was keeps what it verified. */
export interface VerifiedMemories {
  /** @param rule everything that a verdict depends on */
  of(rule: string): VerifiedTokens;
}

export function verifiedMemories(limits: {
  readonly maxRules: number;
  readonly maxEntries: number;
}): VerifiedMemories {
  const memories = new Map<string, VerifiedTokens>();
  return {
    of(rule) {
      const known = memories.get(rule) ?? verifiedTokens(limits.maxEntries);
      memories.delete(rule);
      memories.set(rule, known);
      if (memories.size > limits.maxRules) {
        const [oldest] = memories.keys();
        if (oldest !== undefined) memories.delete(oldest);
      }
      return known;
    },
  };
}
