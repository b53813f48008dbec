/** Anti-replay nonces (RFC 8555 section 6.5) that the CA gave with its answers. The newest goes first. */
export interface Nonces {
  take(): string | undefined;
  give(nonce: string | undefined): void;
}

/** More are not needed than requests run at once. */
const MAX_KEPT = 32;
/** CAs keep nonces in memory, for minutes to hours: an old one costs a round in vain. */
const MAX_AGE_MS = 5 * 60_000;

export function createNonces(nowMs: () => number): Nonces {
  const kept: { readonly nonce: string; readonly atMs: number }[] = [];
  return {
    take() {
      const newest = kept.pop();
      if (newest === undefined) return undefined;
      const ageMs = nowMs() - newest.atMs;
      if (ageMs >= 0 && ageMs < MAX_AGE_MS) return newest.nonce;
      kept.length = 0;
      return undefined;
    },
    give(nonce) {
      if (nonce === undefined) return;
      kept.push({ nonce, atMs: nowMs() });
      if (kept.length > MAX_KEPT) kept.shift();
    },
  };
}
