import { isIPv6 } from 'node:net';

/** How many requests one source may make: `burst` at once, then `perSecond`. */
export interface BudgetOptions {
  readonly burst: number;
  readonly perSecond: number;
  /** Sources remembered; the one not seen for longest is forgotten. */
  readonly maxSources: number;
}

/** A token bucket per source address, an IPv6 source being its /64 (what one customer gets). */
export interface RequestBudget {
  /** False when the source has to wait. */
  take(address: string): boolean;
}

export function createRequestBudget(options: BudgetOptions, monotonicMs: () => number): RequestBudget {
  const sources = new Map<string, { readonly tokens: number; readonly atMs: number }>();
  return {
    take(address) {
      const source = sourceOf(address);
      const now = monotonicMs();
      const known = sources.get(source) ?? { tokens: options.burst, atMs: now };
      const refilled = Math.min(
        options.burst,
        known.tokens + ((now - known.atMs) / 1000) * options.perSecond,
      );
      const allowed = refilled >= 1;
      sources.delete(source);
      sources.set(source, { tokens: allowed ? refilled - 1 : refilled, atMs: now });
      if (sources.size > options.maxSources) {
        const oldest = sources.keys().next();
        if (!oldest.done) sources.delete(oldest.value);
      }
      return allowed;
    },
  };
}

function sourceOf(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  if (!isIPv6(mapped)) return mapped;
  const [head = '', tail] = mapped.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - after.length }, () => '0');
  return [...groups, ...zeros, ...after].slice(0, 4).join(':');
}
