import { type AskedOrder, failureKey, type LimitName, WINDOWS_MS } from './limits.ts';
import type { NameSet } from './model.ts';
import { nameSetKey, registeredDomains, withoutWildcard } from './names.ts';

/** One thing that a CA counts. Instants are milliseconds since 1970. */
export type IssuanceEvent =
  | { readonly kind: 'order'; readonly atMs: number; readonly account: string }
  | {
      readonly kind: 'certificate';
      readonly atMs: number;
      /** Of `nameSetKey`. */
      readonly set: string;
      /** Registered domains that count it; none of a renewal. */
      readonly domains: readonly string[];
    }
  | { readonly kind: 'failure'; readonly atMs: number; readonly account: string; readonly name: string };

/** What happened at one CA (one directory), whoever's account it was: limits per name and domain hold over all accounts. */
export interface IssuanceLog {
  add(event: IssuanceEvent): void;
  /** From now on the order counts as if its certificate had been issued, until `ended`. @returns what is to be kept of it */
  begun(order: AskedOrder, nowMs: number): readonly IssuanceEvent[];
  /** As `begun`, of an order that an earlier process began: nothing new is to be kept. */
  resumed(order: AskedOrder, nowMs: number): void;
  /** It came to an end: a certificate, or names whose validation failed, or neither. @returns what is to be kept of it */
  ended(order: AskedOrder, outcome: OrderOutcome, nowMs: number): readonly IssuanceEvent[];
  /** Instants that a limit counts, oldest first. @param except the order of this certificate that is under way is left out */
  instants(limit: LimitName, key: string, except?: string): readonly number[];
  /** Forgets what no window reaches any more. */
  prune(nowMs: number): void;
  readonly size: number;
}

export type OrderOutcome =
  | { readonly issued: true }
  | {
      readonly issued: false;
      /** Names whose validation failed at the CA, wildcards without their `*.`. */
      readonly failed: NameSet;
    };

const LIMITS = [
  'certificatesPerNameSet',
  'certificatesPerDomain',
  'ordersPerAccount',
  'failuresPerName',
] as const;

export function createIssuanceLog(): IssuanceLog {
  const books: Readonly<Record<LimitName, Map<string, number[]>>> = {
    certificatesPerNameSet: new Map(),
    certificatesPerDomain: new Map(),
    ordersPerAccount: new Map(),
    failuresPerName: new Map(),
  };
  /** By certificate. */
  const underWay = new Map<string, Pending>();
  /** Orders under way by what they count against; only those limits that a certificate counts against once it is there. */
  const pendingBy = new Map<string, Set<Pending>>();
  let size = 0;

  function note(limit: LimitName, key: string, atMs: number): void {
    const book = books[limit];
    const instants = book.get(key);
    if (instants === undefined) book.set(key, [atMs]);
    else {
      // Nearly always the newest; a clock that went back is not.
      const place = instants.findLastIndex((at) => at <= atMs) + 1;
      instants.splice(place, 0, atMs);
    }
    size += 1;
  }

  function drop(certificate: string): void {
    const pending = underWay.get(certificate);
    if (pending === undefined) return;
    underWay.delete(certificate);
    for (const key of pending.keys) {
      const set = pendingBy.get(key);
      set?.delete(pending);
      if (set?.size === 0) pendingBy.delete(key);
    }
  }

  const log: IssuanceLog = {
    add(event) {
      switch (event.kind) {
        case 'order':
          note('ordersPerAccount', event.account, event.atMs);
          break;
        case 'certificate':
          note('certificatesPerNameSet', event.set, event.atMs);
          for (const domain of event.domains) note('certificatesPerDomain', domain, event.atMs);
          break;
        case 'failure':
          note('failuresPerName', failureKey(event.account, event.name), event.atMs);
          break;
      }
    },
    resumed(order, nowMs) {
      drop(order.certificate);
      const keys = [
        `certificatesPerNameSet ${nameSetKey(order.names)}`,
        ...domainsCounted(order).map((domain) => `certificatesPerDomain ${domain}`),
      ];
      const pending = { certificate: order.certificate, atMs: nowMs, keys };
      underWay.set(order.certificate, pending);
      for (const key of keys) {
        const set = pendingBy.get(key);
        if (set === undefined) pendingBy.set(key, new Set([pending]));
        else set.add(pending);
      }
    },
    begun(order, nowMs) {
      log.resumed(order, nowMs);
      if (order.renews !== 'nothing') return [];
      const event: IssuanceEvent = { kind: 'order', atMs: nowMs, account: order.account };
      log.add(event);
      return [event];
    },
    ended(order, outcome, nowMs) {
      drop(order.certificate);
      const events: readonly IssuanceEvent[] = outcome.issued
        ? [{ kind: 'certificate', atMs: nowMs, set: nameSetKey(order.names), domains: domainsCounted(order) }]
        : [...new Set(outcome.failed.map(withoutWildcard))].map((name) => ({
            kind: 'failure',
            atMs: nowMs,
            account: order.account,
            name,
          }));
      for (const event of events) log.add(event);
      return events;
    },
    instants(limit, key, except) {
      const instants = books[limit].get(key) ?? NONE;
      const pending = pendingBy.get(`${limit} ${key}`);
      if (pending === undefined) return instants;
      const others = [...pending].filter((p) => p.certificate !== except).map((p) => p.atMs);
      return others.length === 0 ? instants : [...instants, ...others].sort((a, b) => a - b);
    },
    prune(nowMs) {
      for (const limit of LIMITS) {
        const since = nowMs - WINDOWS_MS[limit];
        const book = books[limit];
        for (const [key, instants] of book) {
          const first = instants.findIndex((at) => at > since);
          if (first === 0) continue;
          size -= first < 0 ? instants.length : first;
          if (first < 0) book.delete(key);
          else instants.splice(0, first);
        }
      }
    },
    get size() {
      return size;
    },
  };
  return log;
}

const NONE: readonly number[] = [];

interface Pending {
  readonly certificate: string;
  readonly atMs: number;
  readonly keys: readonly string[];
}

function domainsCounted(order: AskedOrder): readonly string[] {
  return order.renews === 'nothing' ? registeredDomains(order.names) : [];
}
