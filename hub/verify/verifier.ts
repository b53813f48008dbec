import type { OutboundGuard, ProviderClock, ProviderZone } from '../../providers/contract.ts';
import type { ClientAddress } from '../../src/dns/client.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { messageOf } from '../../src/errors/error.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import type { Ask, Question } from './ask.ts';
import { type AuthoritativeServer, authoritativeServers } from './authoritative.ts';
import { type ExpectedAnswer, judge } from './judge.ts';

/** Names of a zone that were changed, and what they have to answer now. */
export interface VerifyRequest {
  /** `namespace/name` of the DNSProvider. */
  readonly provider: string;
  readonly zone: ProviderZone;
  readonly settings: DnsProviderSpec['verify'];
  /** All expectations of a name together: they replace what was expected of it before. */
  readonly names: ReadonlyMap<DomainName, readonly ExpectedAnswer[]>;
}

export type NameVerification =
  /** Being asked; who did not agree in the last round, and what it answered instead. */
  | { readonly state: 'pending'; readonly disagreements?: readonly string[] }
  /** Every server agrees, since this instant (milliseconds since 1970). */
  | { readonly state: 'verified'; readonly atMs: number }
  /** They did not agree in time; which server answered what instead. Asked again now and then. */
  | { readonly state: 'no'; readonly disagreements: readonly string[] };

export interface ZoneVerification {
  readonly verified: 'yes' | 'no' | 'pending' | 'off';
  /** Why it is off, or could not be asked. */
  readonly reason?: string;
  /** `ns1.example.net. (192.0.2.53): www.example.com. A from DE: answered … instead of …`. */
  readonly disagreements: readonly string[];
  /** Names of requests, the last word on each. */
  readonly names: ReadonlyMap<DomainName, NameVerification>;
}

export interface VerifierOptions {
  readonly ask: Ask;
  readonly guard: OutboundGuard;
  readonly clock: ProviderClock;
  /** A client in each place, by the hub's GeoIP database (`placeClients`). */
  readonly clients: () => Promise<ReadonlyMap<string, ClientAddress>>;
  /** Something of `state` is otherwise. */
  readonly onState?: (provider: string, zone: ProviderZone) => void;
}

/** Asks every authoritative server about what was changed, until all of them agree. The newest request about a name wins. */
export interface Verifier {
  verify(request: VerifyRequest): void;
  /** Other settings (servers, time): every name of the zone is asked about anew, at once. */
  renew(request: Omit<VerifyRequest, 'names'>): void;
  /** `undefined`: nothing of the zone was to be verified yet. */
  state(provider: string, zone: Pick<ProviderZone, 'origin' | 'id'>): ZoneVerification | undefined;
  /** What is known of a zone, or of all zones of a provider, is not wanted any more. */
  forget(provider: string, zone?: Pick<ProviderZone, 'origin' | 'id'>): void;
  close(): Promise<void>;
}

/** Servers of one provider hear of a change within seconds of each other. */
const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 5_000;
/** After its time is over, a name that heals by itself is still noticed. */
const LATE_PAUSE_MS = 60_000;
/** Places asked for one expectation. */
const MAX_PLACES = 8;
/** Asked first of many: the largest, one for each part of the world. */
const FIRST_PLACES: readonly string[] = ['US', 'DE', 'JP', 'BR', 'ZA', 'AU', 'IN', 'GB'];
const MAX_DISAGREEMENTS = 20;
/** Questions are asked some names at a time, so that a large zone does not lie in memory many times over. */
const NAMES_AT_ONCE = 50;
const NO_CLIENTS: ReadonlyMap<string, ClientAddress> = new Map();

interface NameEntry {
  readonly expected: readonly ExpectedAnswer[];
  readonly dueMs: number;
  result: NameVerification;
}

interface ZoneEntry {
  request: VerifyRequest;
  readonly names: Map<DomainName, NameEntry>;
  /** Why nobody can be asked. */
  reason: string | undefined;
  /** Nobody is there to ask, and that is no fault. */
  off: boolean;
  readonly stop: AbortController;
  running: Promise<void> | undefined;
  /** Something was added while a round was under way. */
  added: boolean;
  wake: AbortController | undefined;
}

export function createVerifier(options: VerifierOptions): Verifier {
  const zones = new Map<string, ZoneEntry>();

  function verify(request: VerifyRequest): void {
    const key = keyOf(request.provider, request.zone);
    let entry = zones.get(key);
    if (entry === undefined) {
      entry = {
        request,
        names: new Map(),
        reason: undefined,
        off: false,
        stop: new AbortController(),
        running: undefined,
        added: false,
        wake: undefined,
      };
      zones.set(key, entry);
    }
    entry.request = request;
    const dueMs = options.clock.monotonicMs() + request.settings.timeoutSeconds * 1000;
    for (const [name, expected] of request.names) {
      entry.names.set(name, { expected, dueMs, result: { state: 'pending' } });
    }
    entry.added = true;
    entry.wake?.abort();
    if (entry.running === undefined) start(entry);
  }

  function renew(request: Omit<VerifyRequest, 'names'>): void {
    const entry = zones.get(keyOf(request.provider, request.zone));
    if (entry === undefined) return;
    const names = new Map([...entry.names].map(([name, { expected }]) => [name, expected] as const));
    verify({ ...request, names });
  }

  function start(entry: ZoneEntry): void {
    if (!entry.request.settings.enabled) return;
    entry.running = rounds(entry)
      .catch((error: unknown) => {
        entry.reason = messageOf(error);
      })
      .finally(() => {
        entry.running = undefined;
        // It came between the last look and the end.
        if (entry.added && !entry.stop.signal.aborted) start(entry);
      });
  }

  async function rounds(entry: ZoneEntry): Promise<void> {
    const { signal } = entry.stop;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      if (entry.added) pauseMs = FIRST_PAUSE_MS;
      entry.added = false;
      await round(entry);
      if (signal.aborted) return;
      options.onState?.(entry.request.provider, entry.request.zone);
      const open = [...entry.names.values()].filter(({ result }) => result.state !== 'verified');
      if (entry.off && !entry.added) return;
      if (open.length === 0 && !entry.added) return;
      const late = open.every(({ result }) => result.state === 'no');
      entry.wake = new AbortController();
      if (!entry.added) {
        await options.clock
          .wait(late ? LATE_PAUSE_MS : pauseMs, AbortSignal.any([signal, entry.wake.signal]))
          .catch(() => undefined);
      }
      if (signal.aborted) return;
      pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2);
    }
  }

  /** Asks about everything that is not verified. */
  async function round(entry: ZoneEntry): Promise<void> {
    const { zone, settings } = entry.request;
    let servers: readonly AuthoritativeServer[] = [];
    entry.off = false;
    entry.reason = undefined;
    // It was turned off while rounds were under way.
    if (!settings.enabled) {
      entry.off = true;
      return;
    }
    try {
      const found = await authoritativeServers(zone, settings, options.guard);
      if (found.known) servers = found.servers;
      else {
        entry.off = true;
        entry.reason = found.reason;
        return;
      }
    } catch (error) {
      entry.reason = messageOf(error);
    }
    const open = [...entry.names].filter(([, { result }]) => result.state !== 'verified');
    for (let from = 0; from < open.length && !entry.stop.signal.aborted; from += NAMES_AT_ONCE) {
      await Promise.all(
        open.slice(from, from + NAMES_AT_ONCE).map(async ([name, asked]) => {
          const disagreements =
            entry.reason === undefined ? await disagreementsOn(asked.expected, servers) : [entry.reason];
          // Something newer is expected by now, or nobody wants to know.
          if (entry.names.get(name) !== asked || entry.stop.signal.aborted) return;
          if (disagreements.length === 0) {
            asked.result = { state: 'verified', atMs: options.clock.wallMs() };
          } else if (options.clock.monotonicMs() >= asked.dueMs || asked.result.state === 'no') {
            asked.result = { state: 'no', disagreements };
          } else {
            asked.result = { state: 'pending', disagreements };
          }
        }),
      );
    }
  }

  async function disagreementsOn(
    expected: readonly ExpectedAnswer[],
    servers: readonly AuthoritativeServer[],
  ): Promise<readonly string[]> {
    const clients = expected.some(({ places }) => places.length > 0) ? await options.clients() : NO_CLIENTS;
    const verdicts = questionsFor(expected, clients).flatMap(({ question, place, answer }) =>
      servers.map(async (server): Promise<readonly string[]> => {
        const wrong = judge(answer, await options.ask(server, question));
        if (wrong === undefined) return [];
        const from = place === undefined ? '' : ` from ${place}`;
        return [`${server.label}: ${question.name} ${question.type}${from}: ${wrong}`];
      }),
    );
    return (await Promise.all(verdicts)).flat();
  }

  function state(provider: string, zone: Pick<ProviderZone, 'origin' | 'id'>): ZoneVerification | undefined {
    const entry = zones.get(keyOf(provider, zone));
    if (entry === undefined) return undefined;
    const names = new Map([...entry.names].map(([name, { result }]) => [name, result]));
    if (!entry.request.settings.enabled) {
      return { verified: 'off', reason: 'verify.enabled is false', disagreements: [], names: new Map() };
    }
    const results = [...names.values()];
    const disagreements = results
      .flatMap((result) => (result.state === 'verified' ? [] : (result.disagreements ?? [])))
      .filter((line, index, all) => all.indexOf(line) === index)
      .slice(0, MAX_DISAGREEMENTS);
    const { reason } = entry;
    return {
      verified: entry.off ? 'off' : verdictOf(results),
      ...(reason === undefined ? {} : { reason }),
      disagreements,
      names,
    };
  }

  function stop(entry: ZoneEntry): void {
    entry.stop.abort(new Error('not wanted any more'));
    entry.wake?.abort();
  }

  return {
    verify,
    renew,
    state,
    forget(provider, zone) {
      for (const [key, entry] of zones) {
        const wanted =
          zone === undefined ? entry.request.provider === provider : key === keyOf(provider, zone);
        if (!wanted) continue;
        stop(entry);
        zones.delete(key);
      }
    },
    async close() {
      const entries = [...zones.values()];
      zones.clear();
      for (const entry of entries) stop(entry);
      for (const entry of entries) await entry.running;
    },
  };
}

interface PlacedQuestion {
  readonly question: Question;
  readonly place?: string;
  readonly answer: ExpectedAnswer;
}

/**
 * One question where everybody is answered alike, else one for each of some places. Where no place can be played (the GeoIP database has no network
 * in it), everybody's question, which any of the answers fits.
 */
export function questionsFor(
  expected: readonly ExpectedAnswer[],
  clients: ReadonlyMap<string, ClientAddress>,
): readonly PlacedQuestion[] {
  return [...Map.groupBy(expected, ({ type }) => type).values()].flatMap((ofType) => {
    const placed = ofType.flatMap((answer): readonly PlacedQuestion[] => {
      const { name, type, places } = answer;
      if (places.length === 0) return [{ question: { name, type }, answer }];
      return [...places]
        .sort((a, b) => rankOf(a) - rankOf(b))
        .flatMap((place) => {
          const from = clients.get(place);
          return from === undefined ? [] : [{ question: { name, type, from }, place, answer }];
        })
        .slice(0, MAX_PLACES);
    });
    const [first] = ofType;
    if (placed.length > 0 || first === undefined) return placed;
    const { name, type } = first;
    const someOf = ofType.flatMap((one) => one.someOf ?? []);
    const answer = { ...first, places: [], oneOf: ofType.flatMap(({ oneOf }) => oneOf), someOf };
    return [{ question: { name, type }, answer }];
  });
}

function rankOf(place: string): number {
  const index = FIRST_PLACES.indexOf(place);
  return index < 0 ? FIRST_PLACES.length : index;
}

function verdictOf(results: readonly NameVerification[]): ZoneVerification['verified'] {
  if (results.some(({ state }) => state === 'no')) return 'no';
  if (results.some(({ state }) => state === 'pending')) return 'pending';
  return 'yes';
}

function keyOf(provider: string, { origin, id }: Pick<ProviderZone, 'origin' | 'id'>): string {
  return `${provider} ${origin} ${id}`;
}
