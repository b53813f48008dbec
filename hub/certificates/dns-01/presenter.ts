import type { OutboundGuard, ProviderClock } from '../../../providers/contract.ts';
import { challengeText, tryChallengeName, type WantedText } from '../../../src/certificates/dns-challenge.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import { messageOf, PortolanError } from '../../../src/errors/error.ts';
import type { Resource } from '../../../src/resources/catalogue.ts';
import type { ProviderDesk } from '../../providers/desk.ts';
import type { World } from '../../reconcile/world.ts';
import type { Ask } from '../../verify/ask.ts';
import type { AuthoritativeServer } from '../../verify/authoritative.ts';
import type { ChallengePresenter, WantedChallenge } from '../contract.ts';
import type { AliasLookup } from './alias-lookup.ts';
import { createDelegation, type Place } from './delegation.ts';
import { hindranceInZone } from './embedded-texts.ts';
import { hindranceAtProvider, wildcardAtProvider } from './provider-hindrance.ts';
import type { MutableTexts } from './texts.ts';
import { createLookAtProvider } from './visible-at-provider.ts';
import { createLookInZone, type EmbeddedServer } from './visible-in-zone.ts';

export interface Dns01Options {
  /** `undefined` while the hub is put together. */
  readonly world: () => World | undefined;
  readonly desk: Pick<ProviderDesk, 'zones' | 'problemOf' | 'started'>;
  readonly texts: MutableTexts;
  readonly aliasOf: AliasLookup;
  readonly ask: Ask;
  readonly guard: OutboundGuard;
  readonly servers: () => readonly EmbeddedServer[];
  readonly clock: ProviderClock;
  /** How long `visible` waits; 10 minutes when left out. */
  readonly patienceMs?: number;
}

/** dns-01 (RFC 8555 section 8.4) with the zones that we answer, and those at DNS providers. */
export interface Dns01Presenter extends ChallengePresenter {
  /** The stored objects made another world: zones may be others. */
  worldChanged(): void;
}

const PATIENCE_MS = 600_000;
/** Challenges that come together are one change. */
const GATHER_MS = 25;
/** Aliases and zones are looked at again while something is wanted. */
const AGAIN_MS = 30_000;
const UNSURE_AGAIN_MS = 3_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5_000;
/** Names named in an error. */
const MAX_NAMED = 10;

export function createDns01Presenter(options: Dns01Options): Dns01Presenter {
  const { desk, texts, clock, ask, guard } = options;
  const closing = new AbortController();
  const placeOf = createDelegation({
    world: options.world,
    zones: () => desk.zones,
    aliasOf: options.aliasOf,
  });
  let wanted: readonly WantedChallenge[] = [];
  let wasTold = false;
  /** Where each wanted name was found last: what nobody can say now is left where it was. */
  let places = new Map<string, Place>();
  const silent = new Map<string, number>();
  let running: Promise<void> | undefined;
  let again = false;
  let timer: { readonly atMs: number; readonly cancel: AbortController } | undefined;

  function arrangeSoon(delayMs: number): void {
    if (!wasTold || closing.signal.aborted || !Number.isFinite(delayMs)) return;
    const atMs = clock.monotonicMs() + delayMs;
    if (timer !== undefined && timer.atMs <= atMs) return;
    timer?.cancel.abort();
    const cancel = new AbortController();
    timer = { atMs, cancel };
    clock.wait(delayMs, AbortSignal.any([cancel.signal, closing.signal])).then(
      () => {
        timer = undefined;
        arrangeNow();
      },
      () => undefined,
    );
  }

  function arrangeNow(): void {
    if (running !== undefined) {
      again = true;
      return;
    }
    running = arrange()
      .then(arrangeSoon)
      .catch(() => arrangeSoon(UNSURE_AGAIN_MS))
      .finally(() => {
        running = undefined;
        if (!again) return;
        again = false;
        arrangeNow();
      });
  }

  /** Finds where every text has to stand, and hands that on. @returns milliseconds until it is to be looked at again */
  async function arrange(): Promise<number> {
    const now = wanted;
    const next = new Map<string, Place>();
    let isSure = true;
    const keys = new Map(now.map((one) => [keyOf(one), one] as const));
    await Promise.all(
      [...keys].map(async ([key, { namespace, challenge }]) => {
        const found = await placeOf(namespace, challenge.name, closing.signal);
        const known = places.get(key);
        next.set(key, !found.found && found.unsure && known?.found === true ? known : found);
        if (!found.found && found.unsure) isSure = false;
      }),
    );
    if (closing.signal.aborted) return AGAIN_MS;
    places = next;
    texts.set(
      textsAt(now, (one) => {
        const place = next.get(keyOf(one));
        if (place?.found === true) return endsWildcard(place) === undefined ? place.at : undefined;
        return options.world() === undefined ? directly(one) : undefined;
      }),
      isSure,
    );
    return now.length === 0 ? Number.POSITIVE_INFINITY : isSure ? AGAIN_MS : UNSURE_AGAIN_MS;
  }

  /** At providers nothing can be put in the place of what a wildcard answered: there the text is not published at all. */
  function endsWildcard({ at, holders }: Place & { readonly found: true }): string | undefined {
    if (texts.texts.some(({ name }) => name === at)) return undefined;
    for (const held of holders.atProviders) {
      const why = wildcardAtProvider(desk, held, at);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  /** Why the text cannot stand there, from what is known. */
  function hindranceAt(place: Place & { readonly found: true }): string | undefined {
    const { at, holders } = place;
    const world = options.world();
    if (holders.embedded !== undefined && world !== undefined) {
      const why = hindranceInZone(world, holders.embedded, at);
      const { namespace, name } = holders.embedded.metadata;
      if (why !== undefined) return `Zone ${namespace}/${name} cannot hold ${at}: ${why}`;
    }
    for (const held of holders.atProviders) {
      const why = hindranceAtProvider(desk, held, at, texts.texts);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  async function lackingNow(
    place: Place & { readonly found: true },
    value: string,
    look: { readonly inZone: ReturnType<typeof createLookInZone>; readonly at: AtProviders },
  ): Promise<readonly string[]> {
    const { at, holders } = place;
    const found: (readonly string[])[] = [];
    if (holders.embedded !== undefined) found.push(await look.inZone(holders.embedded, at, value));
    for (const held of holders.atProviders) found.push(await look.at(held.key)(held, at, value));
    return found.flat();
  }

  return {
    type: 'dns-01',
    async can(namespace, name, signal) {
      const place = await placeOf(namespace, name, signal);
      if (!place.found) return { ok: false, why: place.why };
      const why = hindranceAt(place);
      return why === undefined ? { ok: true } : { ok: false, why };
    },
    want(challenges) {
      wanted = challenges.filter(({ challenge }) => challenge.type === 'dns-01');
      // With the first publication of a hub that starts: a CA may be looking right now. Where CNAME records lead is found later.
      if (options.world() === undefined) texts.set(textsAt(wanted, directly), false);
      wasTold = true;
      arrangeSoon(GATHER_MS);
    },
    async visible({ namespace, challenge }, signal) {
      const stop = AbortSignal.any([signal, closing.signal]);
      const value = challengeText(challenge.keyAuthorization);
      const untilMs = clock.monotonicMs() + (options.patienceMs ?? PATIENCE_MS);
      const inZone = createLookInZone({
        texts,
        servers: options.servers,
        others: serversIn,
        ask,
        silent,
        monotonicMs: () => clock.monotonicMs(),
      });
      const at = atProviders(() => createLookAtProvider({ desk, ask, guard, clock }));
      let pauseMs = FIRST_PAUSE_MS;
      for (;;) {
        stop.throwIfAborted();
        const place = await placeOf(namespace, challenge.name, stop);
        let lacking: readonly string[];
        if (place.found) {
          const world = options.world();
          const zone = place.holders.embedded;
          const why =
            (zone === undefined || world === undefined
              ? undefined
              : hindranceInZone(world, zone, place.at)) ?? endsWildcard(place);
          if (why !== undefined)
            throw new PortolanError('DNS_RECORD_CONFLICT', `${place.at} cannot hold a challenge: ${why}`);
          lacking = await lackingNow(place, value, { inZone, at });
        } else {
          if (!place.unsure) throw new PortolanError('CERTIFICATE_NAME_NOT_OURS', place.why);
          lacking = [place.why];
        }
        if (lacking.length === 0) return;
        if (clock.monotonicMs() >= untilMs) {
          const more = lacking.length > MAX_NAMED ? `, and ${lacking.length - MAX_NAMED} more` : '';
          throw new PortolanError(
            'CHALLENGE_NOT_VISIBLE',
            `the challenge of ${challenge.name} is not everywhere: ${lacking.slice(0, MAX_NAMED).join('; ')}${more}`,
          );
        }
        // What went live is worth a look at once; a provider is looked at again and again.
        const wake = new AbortController();
        await Promise.race([
          clock.wait(pauseMs, AbortSignal.any([stop, wake.signal])).catch(() => undefined),
          texts.nextLive(AbortSignal.any([stop, wake.signal])),
        ]);
        wake.abort();
        pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2);
      }
    },
    worldChanged() {
      if (wanted.length > 0) arrangeSoon(GATHER_MS);
    },
    async close() {
      closing.abort(new PortolanError('NOT_READY', 'the hub is stopping'));
      await running;
    },
  };

  /** Servers of a Zone at the addresses that it gives them: copies elsewhere are asked, too. */
  function serversIn({ spec }: Resource<'Zone'>): readonly AuthoritativeServer[] {
    return spec.nameServers.flatMap(({ name, addresses }) =>
      addresses.flatMap((address) => {
        try {
          guard.check(address);
        } catch (error) {
          // I32: not for us to ask. Our own servers there have confirmed.
          void messageOf(error);
          return [];
        }
        return [{ label: `${name} (${address})`, address, port: 53 }];
      }),
    );
  }
}

type AtProviders = (key: string) => ReturnType<typeof createLookAtProvider>;

/** One look for each zone: when its provider had the text is its own. */
function atProviders(make: () => ReturnType<typeof createLookAtProvider>): AtProviders {
  const looks = new Map<string, ReturnType<typeof createLookAtProvider>>();
  return (key) => {
    const look = looks.get(key) ?? make();
    looks.set(key, look);
    return look;
  };
}

/** Where nothing is known of CNAME records. */
const directly = ({ challenge }: WantedChallenge): DomainName | undefined => tryChallengeName(challenge.name);

/** The texts of challenges, each at its place; those without one are left out. */
function textsAt(
  challenges: readonly WantedChallenge[],
  placeOf: (one: WantedChallenge) => DomainName | undefined,
): readonly WantedText[] {
  const found = new Map<
    string,
    { readonly namespace: string; readonly name: DomainName; values: Set<string> }
  >();
  for (const one of challenges) {
    const name = placeOf(one);
    if (name === undefined) continue;
    const key = `${one.namespace} ${name}`;
    const text = found.get(key) ?? { namespace: one.namespace, name, values: new Set<string>() };
    text.values.add(challengeText(one.challenge.keyAuthorization));
    found.set(key, text);
  }
  return [...found.values()]
    .map((text) => ({ ...text, values: [...text.values].sort() }))
    .sort((a, b) => order(a.name, b.name) || order(a.namespace, b.namespace));
}

const keyOf = ({ namespace, challenge }: WantedChallenge): string => `${namespace} ${challenge.name}`;
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
