import { DIGEST_TYPE, dsOf, type KeyPair } from '../../src/dns/dnssec/key.ts';
import { keyPlan } from '../../src/dns/dnssec/key-plan.ts';
import type { SigningMaterial } from '../../src/dns/dnssec/material.ts';
import type { ParentView } from '../../src/dns/dnssec/parent-view.ts';
import { advance, beginSigning } from '../../src/dns/dnssec/rollover.ts';
import { confirmDs, excuse, startRoll } from '../../src/dns/dnssec/rollover-acts.ts';
import type {
  KeyRole,
  NewKey,
  RolloverEvent,
  RolloverInput,
  RolloverState,
  SigningServer,
} from '../../src/dns/dnssec/rollover-state.ts';
import { presignedApex, publicDigest, signingMaterial } from '../../src/dns/dnssec/zone-material.ts';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { DnsPart } from '../../src/protocol/snapshot.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { RECONCILE_ACTOR } from '../reconcile/leadership.ts';
import type { SigningSource } from '../reconcile/name-server-secrets.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { Actor, Key, Store } from '../store/contract.ts';
import type { ParentLook } from './parent-look.ts';
import { fromValues, newPair, type SignedZone, toValues } from './signed-zone.ts';
import { copyDelayMs, longestTtlSeconds, settingsOf } from './zone-facts.ts';

export interface ZoneSigningOptions {
  readonly store: Pick<Store, 'zoneSigning' | 'putZoneSigning' | 'listZoneSigning' | 'epoch'>;
  readonly lookAtParent: ParentLook;
  /** The hub, and agents that answer DNS, or did when they were last heard, with the content sequence that they serve. */
  readonly nameServers: () => readonly { readonly id: string; readonly sequence: number }[];
  /** Something has to be published anew. */
  readonly onChange: () => void;
  readonly wallMs: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** One signed zone, as status, metrics and people see it. */
export interface ZoneSigningView {
  readonly origin: string;
  readonly zone: SignedZone;
  readonly input: RolloverInput;
}

/** Keeps the keys of every signed zone, and moves them on. */
export interface ZoneSigning extends SigningSource {
  /** What was followed last is live under this content sequence. */
  published(sequence: number): void;
  /** By `namespace/name` of the Zone. */
  readonly views: ReadonlyMap<ObjectKey, ZoneSigningView>;
  view(zone: ObjectKey): ZoneSigningView | undefined;
  /** Takes steps that are due; called every second or so. Never rejects. */
  tick(): Promise<void>;
  /** Looks at the parents of zones for which it is time. Never rejects. */
  watchParents(): Promise<void>;
  /** @throws PortolanError NOT_FOUND, DNSSEC_REFUSED, CONFLICT */
  roll(zone: Key<'Zone'>, role: KeyRole, by: Act): Promise<string>;
  confirmDs(zone: Key<'Zone'>, by: Act): Promise<string>;
  /** Goes on without name servers that have been away for long. */
  leaveBehind(zone: Key<'Zone'>, by: Act): Promise<string>;
}

export interface Act {
  readonly actor: Actor;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** A zone with what is known beside the store. */
interface Entry {
  readonly resource: Resource<'Zone'>;
  readonly zone: SignedZone;
  /** Revisions with the content sequence that first had them, oldest first. */
  readonly served: readonly { readonly revision: number; readonly sequence: number }[];
  readonly parent: ParentView | undefined;
  readonly longestTtlSeconds: number;
}

const WATCH_SOON_MS = 5_000;
const WATCH_WAITING_MS = 600_000;
const WATCH_IDLE_MS = 3_600_000;
/** In place of a digest: no material fits it. */
const NO_KEYS = '0'.repeat(64);
const NO_MATERIAL: DnsPart['signing'] = {};

export function createZoneSigning(options: ZoneSigningOptions): ZoneSigning {
  const { store, wallMs, log } = options;
  const entries = new Map<ObjectKey, Entry>();
  /** Zones of which something is kept in the store; read once. */
  let kept: Set<string> | undefined;
  let material: DnsPart['signing'] = NO_MATERIAL;
  let digests: ReadonlyMap<string, string> = new Map();
  /** Revision of each zone as it was when it was followed last. */
  let followed: ReadonlyMap<ObjectKey, number> = new Map();
  const unreadable = new Set<string>();
  const warned = new Set<string>();
  /** Something was written since the tick began: name servers or people have to learn of it. */
  let changed = false;
  let queue: Promise<unknown> = Promise.resolve();

  /** One after the other: two changes of a zone must not start from the same state. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = queue.then(work);
    queue = next.catch(() => undefined);
    return next;
  }

  // --- one zone

  function inputOf(entry: Entry): RolloverInput {
    const { resource, zone } = entry;
    const revisionAt = (sequence: number): number =>
      entry.served.findLast((s) => s.sequence <= sequence)?.revision ?? 0;
    const servers: readonly SigningServer[] = options
      .nameServers()
      .map(({ id, sequence }) => ({ id, revision: revisionAt(sequence) }));
    return {
      nowMs: wallMs(),
      wanted: resource.spec.dnssec !== undefined,
      zskLifetimeMs: zone.zskLifetimeMs,
      longestTtlSeconds: entry.longestTtlSeconds,
      copyDelayMs: copyDelayMs(resource),
      servers,
      parent: entry.parent,
    };
  }

  const viewOf = (entry: Entry): ZoneSigningView => ({
    origin: entry.resource.spec.origin,
    zone: entry.zone,
    input: inputOf(entry),
  });

  /** Makes keys for `origin`, and remembers them for the write. */
  function keyMaker(origin: DomainName, pairs: Map<string, KeyPair>): NewKey {
    return (role) => {
      const pair = newPair(role, new Set([...pairs.values()].map((known) => known.keyTag)));
      const ds = dsOf(origin, pair.dnskey, DIGEST_TYPE.SHA256);
      const id = `${role}-${ds.keyTag}-${Buffer.from(ds.digest).toString('hex').slice(0, 12)}`;
      pairs.set(id, pair);
      const { keyTag, algorithm, digestType } = ds;
      const digest = Buffer.from(ds.digest).toString('hex');
      return { id, keyTag, ds: role === 'ksk' ? [{ keyTag, algorithm, digestType, digest }] : [] };
    };
  }

  /** What the zone is with this state: presigned sets at hand are kept while they are good. */
  function withState(entry: Entry, state: RolloverState, pairs: ReadonlyMap<string, KeyPair>): SignedZone {
    const origin = parseName(entry.resource.spec.origin);
    const { dnssec } = entry.resource.spec;
    const settings = dnssec === undefined ? entry.zone.settings : settingsOf(entry.resource, dnssec);
    const zskLifetimeMs =
      dnssec === undefined ? entry.zone.zskLifetimeMs : dnssec.zskLifetimeDays * 86_400_000;
    const live = new Map(state.keys.flatMap(({ id }) => pairOrNone(pairs, id)));
    const plan = keyPlan(state);
    const apex =
      plan === undefined
        ? undefined
        : presignedApex(origin, plan, (id) => pairOf(live, id), settings, wallMs(), entry.zone.apex);
    return { version: entry.zone.version, state, settings, zskLifetimeMs, apex, pairs: live };
  }

  /** Writes the zone if anything that has to outlive the hub changed, and remembers it. */
  async function save(
    key: ObjectKey,
    entry: Entry,
    next: SignedZone,
    events: readonly RolloverEvent[],
    by: Act = { actor: RECONCILE_ACTOR },
  ): Promise<void> {
    if (lasting(next) === lasting(entry.zone) && next.version > 0) {
      remember(key, entry, next);
      return;
    }
    const { namespace, name } = entry.resource.metadata;
    const { origin } = entry.resource.spec;
    const version = entry.zone.version + 1;
    const zone = { ...next, version };
    await store.putZoneSigning(
      { namespace, origin },
      { version, values: toValues(zone) },
      {
        epoch: store.epoch,
        audit: events.map((event) => ({
          actor: by.actor,
          verb: `zone.dnssec.${event.type}`,
          name,
          ...(by.reason === undefined ? {} : { reason: by.reason }),
          payload: event,
        })),
      },
    );
    kept?.add(`${namespace} ${origin}`);
    remember(key, entry, zone);
    changed = true;
    for (const { type, message, keyTag } of events) log.info({ zone: key, event: type, keyTag }, message);
  }

  /** A publication may have come in between: what it noted stays. */
  function remember(key: ObjectKey, entry: Entry, zone: SignedZone): void {
    const now = entries.get(key);
    const served = now?.resource.spec.origin === entry.resource.spec.origin ? now.served : entry.served;
    entries.set(key, { ...entry, served, zone });
  }

  async function step(key: ObjectKey, entry: Entry): Promise<void> {
    const pairs = new Map(entry.zone.pairs);
    const origin = parseName(entry.resource.spec.origin);
    const { state, events } = advance(entry.zone.state, inputOf(entry), keyMaker(origin, pairs));
    await save(key, entry, withState(entry, state, pairs), events);
  }

  // --- all zones

  async function entryOf(
    key: ObjectKey,
    resource: Resource<'Zone'>,
    world: World,
  ): Promise<Entry | undefined> {
    const { namespace } = resource.metadata;
    const { origin, dnssec } = resource.spec;
    const longest = longestTtlSeconds(resource, world);
    const known = entries.get(key);
    if (known !== undefined && known.resource.spec.origin === origin)
      return { ...known, resource, longestTtlSeconds: longest };
    const rest = { resource, served: [], parent: undefined, longestTtlSeconds: longest };
    if (kept?.has(`${namespace} ${origin}`) === true) {
      const record = await store.zoneSigning({ namespace, origin });
      return { ...rest, zone: fromValues({ namespace, origin }, record) };
    }
    if (dnssec === undefined) return undefined;
    const pairs = new Map<string, KeyPair>();
    const state = beginSigning(wallMs(), longest, keyMaker(parseName(origin), pairs));
    const settings = settingsOf(resource, dnssec);
    const zskLifetimeMs = dnssec.zskLifetimeDays * 86_400_000;
    return { ...rest, zone: { version: 0, state, settings, zskLifetimeMs, apex: undefined, pairs } };
  }

  async function follow(world: World): Promise<void> {
    unreadable.clear();
    kept ??= new Set(
      (await store.listZoneSigning()).map(({ namespace, origin }) => `${namespace} ${origin}`),
    );
    const present = new Set<ObjectKey>();
    for (const [key, resource] of world.objects.Zone) {
      const { metadata, spec } = resource;
      const known = kept.has(`${metadata.namespace} ${spec.origin}`);
      if (metadata.deletionTimestamp !== undefined || (spec.dnssec === undefined && !known)) continue;
      try {
        const entry = await entryOf(key, resource, world);
        if (entry === undefined) continue;
        present.add(key);
        await step(key, entry);
      } catch (thrown) {
        const error = PortolanError.from(thrown);
        if (error.code !== 'STORE_CORRUPT') throw error;
        // Nobody serves it then: unsigned, or with other keys, it would be bogus. The other zones go on.
        unreadable.add(spec.origin);
        warnOnce(`the keys of ${key} cannot be read: the zone is not served`, error);
      }
    }
    for (const key of [...entries.keys()]) if (!present.has(key)) entries.delete(key);
    take();
  }

  /** What is published from now on; the same objects when nothing differs. */
  function take(): void {
    const nextDigests = new Map<string, string>();
    const next: Record<string, SigningMaterial> = {};
    for (const { resource, zone } of entries.values()) {
      const plan = keyPlan(zone.state);
      if (plan === undefined || zone.apex === undefined) continue;
      const { origin } = resource.spec;
      const made = signingMaterial(zone.apex, plan, (id) => pairOf(zone.pairs, id), zone.settings);
      const digest = publicDigest(made);
      nextDigests.set(origin, digest);
      const before = material[origin];
      next[origin] = before !== undefined && digests.get(origin) === digest ? before : made;
    }
    for (const origin of unreadable) nextDigests.set(origin, NO_KEYS);
    followed = new Map([...entries].map(([key, { zone }]) => [key, zone.state.revision]));
    const same =
      nextDigests.size === digests.size && [...nextDigests].every(([o, digest]) => digests.get(o) === digest);
    if (same) return;
    material = next;
    digests = nextDigests;
  }

  async function quietly(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      warned.delete(what);
    } catch (thrown) {
      warnOnce(what, PortolanError.from(thrown));
    }
  }

  /** Once until it works again: it is tried every second. */
  function warnOnce(what: string, err: PortolanError): void {
    if (warned.has(what)) return;
    warned.add(what);
    log.warn({ err }, `${what}; it is tried again`);
  }

  // --- what people do

  function find({ namespace, name }: Key<'Zone'>): readonly [ObjectKey, Entry] {
    const key = objectKey(namespace, name);
    const entry = entries.get(key);
    if (entry === undefined || entry.zone.state.phase === 'unsigned') {
      throw new PortolanError('NOT_FOUND', `Zone ${key} does not exist or is not signed`, {
        fix: `Sign it with \`spec.dnssec: {}\` in the Zone.`,
      });
    }
    return [key, entry];
  }

  function act(
    zone: Key<'Zone'>,
    by: Act,
    work: (
      entry: Entry,
      newKey: NewKey,
    ) =>
      | { readonly state: RolloverState; readonly events: readonly RolloverEvent[]; readonly said: string }
      | { readonly refused: string },
  ): Promise<string> {
    return inTurn(async () => {
      const [key, entry] = find(zone);
      const pairs = new Map(entry.zone.pairs);
      const result = work(entry, keyMaker(parseName(entry.resource.spec.origin), pairs));
      if ('refused' in result) throw new PortolanError('DNSSEC_REFUSED', `${key}: ${result.refused}`);
      if (by.dryRun === true) return result.said;
      await save(key, entry, withState(entry, result.state, pairs), result.events, by);
      options.onChange();
      return result.said;
    });
  }

  return {
    follow: (world) => inTurn(() => follow(world)),
    get material() {
      return material;
    },
    get digests() {
      return digests;
    },
    published(sequence) {
      for (const [key, revision] of followed) {
        const entry = entries.get(key);
        if (entry === undefined || (entry.served.at(-1)?.revision ?? -1) >= revision) continue;
        const served = [...entry.served.slice(-15), { revision, sequence }];
        entries.set(key, { ...entry, served });
      }
    },
    get views() {
      return new Map([...entries].map(([key, entry]) => [key, viewOf(entry)]));
    },
    view(zone) {
      const entry = entries.get(zone);
      return entry === undefined ? undefined : viewOf(entry);
    },
    tick: () =>
      inTurn(async () => {
        changed = false;
        for (const [key, entry] of [...entries]) {
          await quietly(`the keys of ${key} cannot be moved on`, () => step(key, entry));
        }
        if (changed) options.onChange();
      }),
    async watchParents() {
      const nowMs = wallMs();
      const dueZones = [...entries].filter(([, { zone, parent }]) => {
        if (zone.state.phase === 'unsigned') return false;
        const waitsSinceMs = Math.max(
          zone.state.phase === 'unsigning' ? zone.state.sinceMs : 0,
          ...zone.state.keys.map((key) => (key.state === 'ready' ? key.sinceMs : 0)),
        );
        // Often at first, when somebody is at it; a parent that takes days is asked every ten minutes.
        const everyMs =
          waitsSinceMs === 0
            ? WATCH_IDLE_MS
            : Math.min(WATCH_WAITING_MS, Math.max(WATCH_SOON_MS, (nowMs - waitsSinceMs) / 20));
        return parent === undefined || nowMs - parent.atMs >= everyMs || parent.atMs > nowMs;
      });
      for (const [key, { resource }] of dueZones) {
        const view = await options.lookAtParent(parseName(resource.spec.origin));
        await inTurn(async () => {
          const entry = entries.get(key);
          if (entry !== undefined) entries.set(key, { ...entry, parent: view });
        });
      }
    },
    roll: (zone, role, by) =>
      act(zone, by, ({ zone: { state } }, newKey) => {
        const result = startRoll(state, role, wallMs(), newKey);
        if ('refused' in result) return result;
        const key = result.state.keys.at(-1);
        return { ...result, said: `key ${key?.keyTag ?? ''} is published; it goes on by itself` };
      }),
    confirmDs: (zone, by) =>
      act(zone, by, ({ zone: { state } }) => {
        const result = confirmDs(state, wallMs());
        if ('refused' in result) return result;
        return { ...result, said: result.events.map((event) => event.message).join('; ') };
      }),
    leaveBehind: (zone, by) =>
      act(zone, by, (entry) => {
        const result = excuse(entry.zone.state, inputOf(entry));
        if ('refused' in result) return result;
        const said = `left behind until heard again: ${result.servers.join(', ')}`;
        return { state: result.state, events: [{ type: 'ServersLeftBehind', message: said }], said };
      }),
  };
}

function pairOf(pairs: ReadonlyMap<string, KeyPair>, id: string): KeyPair {
  const pair = pairs.get(id);
  if (pair === undefined) throw new PortolanError('STORE_CORRUPT', `the private key ${id} is missing`);
  return pair;
}

function pairOrNone(
  pairs: ReadonlyMap<string, KeyPair>,
  id: string,
): readonly (readonly [string, KeyPair])[] {
  const pair = pairs.get(id);
  return pair === undefined ? [] : [[id, pair]];
}

/** What has to outlive the hub: that the parent was looked at again does not. */
function lasting({ state, settings, zskLifetimeMs, apex }: SignedZone): string {
  const { parentSeenAtMs: _seen, ...rest } = state;
  return JSON.stringify([rest, settings, zskLifetimeMs, apex?.signedAtMs, apex?.madeOf]);
}
