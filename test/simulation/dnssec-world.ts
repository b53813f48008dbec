import { isRefreshDue, type KeyPlan, keyPlan } from '../../src/dns/dnssec/key-plan.ts';
import type { ParentDs, ParentView } from '../../src/dns/dnssec/parent-view.ts';
import { advance, beginSigning } from '../../src/dns/dnssec/rollover.ts';
import { startRoll } from '../../src/dns/dnssec/rollover-acts.ts';
import type { NewKey, RolloverInput, RolloverState } from '../../src/dns/dnssec/rollover-state.ts';
import { seededRandom } from '../support/random.ts';

/** A mistake that is built in on purpose. */
export type Mutant =
  | 'no-ttl'
  | 'no-servers'
  | 'no-ds-ttl'
  | 'one-parent'
  | 'unsign-at-once'
  | 'no-refresh'
  | 'lowered-ttl'
  | 'swap-keys';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** As the Zone's default. */
const VALIDITY = 21 * DAY;
/** Of the hub, or of an agent: together less than what is left of a presigned set when it is made anew, with a TTL to spare. */
const LONGEST_ABSENCE = 6 * DAY;

/** What a name server serves. */
interface Served {
  readonly revision: number;
  readonly plan: KeyPlan | undefined;
  readonly signedAtMs: number;
  readonly ttlSeconds: number;
}

interface NameServer {
  readonly id: string;
  served: Served;
  awayUntilMs: number;
}

interface Cached<T> {
  readonly value: T;
  readonly untilMs: number;
}

interface DnskeySet {
  readonly keys: readonly string[];
  readonly signers: readonly string[];
  readonly expiresAtMs: number;
}

interface Resolver {
  ds?: Cached<readonly string[]>;
  dnskey?: Cached<DnskeySet | undefined>;
  data?: Cached<readonly string[]>;
}

interface ParentServer {
  ds: readonly string[];
}

/**
 * A zone, its name servers, the parent's servers and validating resolvers with caches, over months: clock, people, outages and
 * delays from one seed. Keys are names; who signed what is what counts.
 */
export class DnssecWorld {
  readonly done = { zskRolls: 0, kskRolls: 0, signed: 0, unsigned: 0, secureAnswers: 0, outages: 0 };
  readonly #random: () => number;
  readonly #mutant: Mutant | undefined;
  readonly #servers: NameServer[];
  readonly #parents: ParentServer[] = [{ ds: [] }, { ds: [] }];
  readonly #resolvers: Resolver[] = Array.from({ length: 4 }, () => ({}));
  readonly #dsTtlMs: number;
  #state: RolloverState;
  #live: Served;
  #signedAtMs = 0;
  #nowMs = 0;
  #wanted = true;
  #ttlSeconds: number;
  #hubAwayUntilMs = 0;
  #parentView: ParentView | undefined;
  #parentWant: { readonly ds: readonly string[]; readonly atMs: readonly number[] } | undefined;
  #keys = 0;

  constructor(seed: number, mutant?: Mutant) {
    this.#random = seededRandom(seed);
    this.#mutant = mutant;
    this.#ttlSeconds = this.#pick([60, 300, 3600, 86_400]);
    this.#dsTtlMs = this.#pick([HOUR, DAY, 2 * DAY]);
    this.#state = beginSigning(0, this.#ttlSeconds, this.#newKey);
    const unsigned = { revision: 0, plan: undefined, signedAtMs: 0, ttlSeconds: this.#ttlSeconds };
    this.#live = unsigned;
    this.#servers = ['hub', 'a', 'b', 'c'].map((id) => ({ id, served: unsigned, awayUntilMs: 0 }));
  }

  /** @returns what made an answer bogus, with the instant; `undefined` when nothing did */
  run(days: number): string | undefined {
    while (this.#nowMs < days * DAY) {
      this.#nowMs += Math.ceil(this.#random() ** 3 * 8 * HOUR);
      this.#peopleAct();
      this.#parentActs();
      if (this.#nowMs >= this.#hubAwayUntilMs) this.#hubActs();
      this.#agentsFollow();
      for (const resolver of this.#resolvers) {
        const bogus = this.#ask(resolver);
        if (bogus !== undefined)
          return `day ${(this.#nowMs / DAY).toFixed(2)}, ${this.#state.phase}: ${bogus}`;
      }
    }
    return undefined;
  }

  #pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.#random() * from.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }

  #chance(perDay: number, elapsedDays = 1 / 12): boolean {
    return this.#random() < perDay * elapsedDays;
  }

  readonly #newKey: NewKey = (role) => {
    this.#keys += 1;
    const id = `${role}-${this.#keys}`;
    return { id, keyTag: this.#keys, ds: role === 'ksk' ? [dsOf(id)] : [] };
  };

  // --- people and outages

  #peopleAct(): void {
    if (this.#chance(0.1) && this.#nowMs >= this.#hubAwayUntilMs) this.#roll('zsk');
    if (this.#chance(0.1) && this.#nowMs >= this.#hubAwayUntilMs) this.#roll('ksk');
    if (this.#chance(this.#wanted ? 0.02 : 0.1)) this.#wanted = !this.#wanted;
    if (this.#chance(0.05)) this.#ttlSeconds = this.#pick([60, 300, 3600, 86_400]);
    // One absence may begin at the end of another, no third one before the server has heard the hub again: 12 of 14 days.
    const current = (server: NameServer): boolean => server.served === this.#live;
    if (this.#chance(0.05) && this.#nowMs > this.#hubAwayUntilMs && this.#servers.every(current)) {
      this.#hubAwayUntilMs = this.#nowMs + this.#random() * LONGEST_ABSENCE;
      this.done.outages += 1;
    }
    for (const server of this.#servers) {
      if (server.id !== 'hub' && this.#chance(0.08) && this.#nowMs > server.awayUntilMs && current(server))
        server.awayUntilMs = this.#nowMs + this.#random() * LONGEST_ABSENCE;
    }
  }

  #roll(role: 'zsk' | 'ksk'): void {
    if (this.#mutant === 'swap-keys' && role === 'zsk') {
      const fresh = this.#newKey('zsk');
      const keys = this.#state.keys.map((key) => (key.role === 'zsk' ? { ...key, ...fresh } : key));
      this.#state = { ...this.#state, keys, revision: this.#state.revision + 1 };
      return;
    }
    const result = startRoll(this.#state, role, this.#nowMs, this.#newKey);
    if ('state' in result) this.#state = result.state;
  }

  /** The parent takes what CDS says once all servers say the same, and a key it vouches for signed it; its servers follow one by one. */
  #parentActs(): void {
    const asked = this.#pick(this.#servers).served;
    const [first] = this.#parents;
    const said = new Set(this.#servers.map(({ served }) => JSON.stringify(served.plan?.parent)));
    if (
      said.size === 1 &&
      this.#parentWant === undefined &&
      asked.plan?.parent !== undefined &&
      first !== undefined
    ) {
      const { parent, keySigners } = asked.plan;
      const wanted = parent === 'delete' ? [] : parent.map((key) => key.id);
      const trusted = first.ds.length === 0 || keySigners.some((key) => first.ds.includes(key.id));
      const differs = wanted.join() !== first.ds.join();
      const deletesNothing = parent === 'delete' && first.ds.length === 0;
      if (differs && trusted && !deletesNothing && this.#chance(1)) {
        const atMs = this.#parents.map(() => this.#nowMs + this.#random() * 2 * DAY);
        this.#parentWant = { ds: wanted, atMs };
      }
    }
    const want = this.#parentWant;
    if (want === undefined) return;
    this.#parents.forEach((server, i) => {
      if ((want.atMs[i] ?? 0) <= this.#nowMs) server.ds = want.ds;
    });
    if (want.atMs.every((atMs) => atMs <= this.#nowMs)) this.#parentWant = undefined;
  }

  // --- the hub

  #hubActs(): void {
    if (this.#random() < 0.8) this.#look();
    const before = this.#state;
    if (this.#mutant === 'unsign-at-once' && !this.#wanted && before.phase !== 'unsigned') {
      this.#state = { ...before, phase: 'unsigned', keys: [], revision: before.revision + 1 };
    }
    const { state, events } = advance(this.#state, this.#input(), this.#newKey);
    this.#state = state;
    if (this.#mutant === 'lowered-ttl') this.#state = { ...state, ttl: { seconds: this.#ttlSeconds } };
    for (const { type, message } of events) {
      if (type === 'Signed') this.done.signed += 1;
      if (type === 'Unsigned') this.done.unsigned += 1;
      if (type === 'KeyActive' && message.includes('signs')) this.done.zskRolls += 1;
      if (type === 'KeyRemoved' && before.phase === 'signed' && state.phase === 'signed')
        this.done.kskRolls +=
          before.keys.filter((k) => k.role === 'ksk' && !state.keys.includes(k)).length > 1 ? 1 : 0;
    }
    const due = this.#mutant !== 'no-refresh' && isRefreshDue(this.#signedAtMs, VALIDITY, this.#nowMs);
    const changed =
      this.#live.revision !== this.#state.revision || this.#live.ttlSeconds !== this.#ttlSeconds;
    if (!changed && !due) return;
    if (due || this.#live.revision === 0) this.#signedAtMs = this.#nowMs;
    this.#live = {
      revision: this.#state.revision,
      plan: keyPlan(this.#state),
      signedAtMs: this.#signedAtMs,
      ttlSeconds: this.#ttlSeconds,
    };
    const hub = this.#servers[0];
    if (hub !== undefined) hub.served = this.#live;
  }

  #input(): RolloverInput {
    const served = (server: NameServer): number =>
      this.#mutant === 'no-servers' ? this.#state.revision : server.served.revision;
    return {
      nowMs: this.#nowMs,
      wanted: this.#wanted,
      zskLifetimeMs: 60 * DAY,
      longestTtlSeconds: this.#mutant === 'no-ttl' ? 0 : this.#ttlSeconds,
      copyDelayMs: 0,
      servers: this.#servers.map((server) => ({ id: server.id, revision: served(server) })),
      parent: this.#parentView,
    };
  }

  #look(): void {
    const ttlSeconds = this.#mutant === 'no-ds-ttl' ? 1 : this.#dsTtlMs / 1000;
    const asked = this.#mutant === 'one-parent' ? this.#parents.slice(0, 1) : this.#parents;
    this.#parentView = {
      atMs: this.#nowMs,
      servers: asked.map((server, i) =>
        this.#random() < 0.05
          ? { address: `${i}`, error: 'no answer' }
          : { address: `${i}`, ds: server.ds.map(dsOf), ttlSeconds: server.ds.length > 0 ? ttlSeconds : 0 },
      ),
    };
  }

  #agentsFollow(): void {
    for (const server of this.#servers) {
      const reached = this.#nowMs >= this.#hubAwayUntilMs && this.#nowMs >= server.awayUntilMs;
      if (server.id !== 'hub' && reached && this.#random() < 0.7) server.served = this.#live;
    }
  }

  // --- a validating resolver

  #ask(resolver: Resolver): string | undefined {
    const nowMs = this.#nowMs;
    if (this.#random() < 0.4) return undefined;
    resolver.ds = fresh(resolver.ds, nowMs) ?? {
      value: this.#pick(this.#parents).ds,
      untilMs: nowMs + this.#dsTtlMs,
    };
    const server = this.#pick(this.#servers).served;
    const ttlMs = server.ttlSeconds * 1000;
    resolver.data = fresh(resolver.data, nowMs) ?? {
      value: server.plan?.zoneSigners.map((key) => key.id) ?? [],
      untilMs: nowMs + ttlMs,
    };
    const ds = resolver.ds.value;
    if (ds.length === 0) return undefined; // insecure: nothing is validated
    const other = this.#pick(this.#servers).served;
    resolver.dnskey = fresh(resolver.dnskey, nowMs) ?? dnskeyFrom(other, nowMs);
    const set = resolver.dnskey.value;
    if (set === undefined) return `DS ${ds.join()} but no DNSKEY`;
    if (set.expiresAtMs < nowMs) return 'the signatures over the DNSKEY set are over';
    if (!ds.some((id) => set.keys.includes(id) && set.signers.includes(id)))
      return `DS ${ds.join()} but DNSKEY ${set.keys.join()} signed by ${set.signers.join()}`;
    if (!resolver.data.value.some((id) => set.keys.includes(id)))
      return `an answer signed by ${resolver.data.value.join() || 'nobody'} but DNSKEY ${set.keys.join()}`;
    this.done.secureAnswers += 1;
    return undefined;
  }
}

function dsOf(id: string): ParentDs {
  return { keyTag: Number(id.split('-')[1]), algorithm: 13, digestType: 2, digest: id };
}

function fresh<T>(cached: Cached<T> | undefined, nowMs: number): Cached<T> | undefined {
  return cached !== undefined && nowMs < cached.untilMs ? cached : undefined;
}

/** A validator keeps no set longer than its signatures are valid. */
function dnskeyFrom(served: Served, nowMs: number): Cached<DnskeySet | undefined> {
  const expiresAtMs = served.signedAtMs + VALIDITY;
  const untilMs = nowMs + served.ttlSeconds * 1000;
  if (served.plan === undefined) return { value: undefined, untilMs };
  const { published, keySigners } = served.plan;
  const value = { keys: published.map((k) => k.id), signers: keySigners.map((k) => k.id), expiresAtMs };
  return { value, untilMs: Math.max(nowMs, Math.min(untilMs, expiresAtMs)) };
}
