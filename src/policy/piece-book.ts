import type { SpokeBudget } from '../quota/spoke-contract.ts';
import { compareHostnames } from './hostnames.ts';
import type {
  CompiledAuth,
  CompiledBackend,
  CompiledEdge,
  CompiledListener,
  CompiledQuota,
  CompiledRule,
  GatewayPart,
  GatewayPort,
  QuotaPart,
  VirtualHost,
} from './model.ts';
import { readPiece } from './piece-bytes.ts';
import type { FramePort, GatewayFrame, GatewayPiece } from './pieces.ts';
import { sameMembers, sameValue } from './same-value.ts';

interface EntryKinds {
  readonly rules: CompiledRule;
  readonly backends: CompiledBackend;
  readonly auth: CompiledAuth;
  readonly edge: CompiledEdge;
  readonly quotas: CompiledQuota;
}
type Kind = keyof EntryKinds;
const KINDS = ['rules', 'backends', 'auth', 'edge', 'quotas'] as const satisfies readonly Kind[];

/** Beside each other rather than in an object: thousands of objects with keys of their own each would have a shape of their own each. */
interface Entries<T> {
  readonly ids: readonly string[];
  readonly values: readonly T[];
}

interface HeldPiece {
  readonly sha256: string;
  readonly entries: { readonly [K in Kind]: Entries<EntryKinds[K]> };
  readonly hosts: ReadonlyMap<string, readonly VirtualHost[]>;
}

const NO_ENTRIES: Entries<never> = { ids: [], values: [] };
const NO_HOSTS: readonly VirtualHost[] = [];

/**
 * A configuration that comes in pieces, one version after the other. Each part it gives is what `joinGateway` makes of the same frame and pieces, but
 * entries, records of entries, hosts, listeners and ports that say what they said before are the same objects as before.
 */
export class PieceBook {
  #pieces: readonly HeldPiece[] = [];
  #part: GatewayPart = { ports: [], rules: {}, backends: {}, auth: {}, edge: {} };

  /**
   * @param bytesOf asked for pieces that the frame before did not name
   * @throws Error when such a piece is not there; the book is as before then
   */
  take(frame: GatewayFrame, bytesOf: (sha256: string) => Uint8Array | undefined): GatewayPart {
    const before = this.#pieces;
    const inPlace = before.length === frame.pieces.length;
    const held = new Map(before.map((piece) => [piece.sha256, piece]));
    const last = new LastEntries(this.#part, inPlace ? undefined : allHosts(this.#part));
    const pieces = frame.pieces.map(({ sha256 }, at) => {
      const known = held.get(sha256);
      if (known !== undefined) return known;
      const bytes = bytesOf(sha256);
      if (bytes === undefined) throw new Error(`piece ${sha256} is not there`);
      const made = last.hold(sha256, readPiece(bytes), inPlace ? before[at]?.hosts : undefined);
      held.set(sha256, made);
      return made;
    });
    const changed: Changed[] = [];
    pieces.forEach((piece, at) => {
      if (piece !== before[at]) changed.push({ before: before[at], now: piece });
    });
    for (const piece of before.slice(pieces.length)) changed.push({ before: piece, now: undefined });
    const part = joined(frame, this.#part, pieces, changed, inPlace);
    this.#pieces = pieces;
    this.#part = part;
    return part;
  }

  /**
   * Two pieces have an entry of one name, or an entry has a name that no record takes: which entry counts would be a matter of how they are
   * joined. None of the hub's are like that: `splitGateway` has one place for a name.
   */
  hasTwins(): boolean {
    const { ports, quota, ...records } = this.#part;
    const all = { ...records, quotas: quota?.policies ?? {} };
    for (const kind of KINDS) {
      let count = 0;
      for (const { entries } of this.#pieces) count += entries[kind].ids.length;
      if (count !== Object.keys(all[kind]).length) return true;
    }
    // Sorted, so that equal ones stand beside each other.
    return ports.some(({ listeners }) =>
      listeners.some(({ hosts }) =>
        hosts.some((host, at) => at > 0 && hosts[at - 1]?.hostname === host.hostname),
      ),
    );
  }
}

/** At one place. */
interface Changed {
  readonly before: HeldPiece | undefined;
  readonly now: HeldPiece | undefined;
}

function joined(
  frame: GatewayFrame,
  last: GatewayPart,
  pieces: readonly HeldPiece[],
  changed: readonly Changed[],
  inPlace: boolean,
): GatewayPart {
  const recordOf = <K extends Kind>(
    kind: K,
    known: Readonly<Record<string, EntryKinds[K]>> | undefined,
  ): Readonly<Record<string, EntryKinds[K]>> => {
    if (known !== undefined && inPlace && changed.every((one) => sameEntries(kind, one))) return known;
    const record: Record<string, EntryKinds[K]> = {};
    for (const { entries } of pieces) {
      const { ids, values } = entries[kind];
      ids.forEach((id, at) => {
        const value = values[at];
        if (value !== undefined) record[id] = value;
      });
    }
    return record;
  };
  const listeners = new Map(
    last.ports.flatMap((port) => port.listeners.map((one) => [one.id, one] as const)),
  );
  let whole: ReadonlyMap<string, readonly VirtualHost[]> | undefined;
  const wholeOf = (id: string): readonly VirtualHost[] => {
    whole ??= hostsOfAll(pieces);
    return whole.get(id) ?? NO_HOSTS;
  };
  const ports = frame.ports.map((port, at) =>
    portOf(port, last.ports[at], ({ id }) => {
      const known = inPlace ? listeners.get(id)?.hosts : undefined;
      return (known === undefined ? undefined : changedHosts(id, known, changed)) ?? wholeOf(id);
    }),
  );
  const quota =
    frame.quota === undefined
      ? undefined
      : quotaOf(frame.quota, last.quota, recordOf('quotas', last.quota?.policies));
  return {
    ports: sameMembers(ports, last.ports) ? last.ports : ports,
    rules: recordOf('rules', last.rules),
    backends: recordOf('backends', last.backends),
    auth: recordOf('auth', last.auth),
    edge: recordOf('edge', last.edge),
    ...(quota === undefined ? {} : { quota }),
  };
}

function sameEntries(kind: Kind, { before, now }: Changed): boolean {
  const one = before?.entries[kind] ?? NO_ENTRIES;
  const other = now?.entries[kind] ?? NO_ENTRIES;
  return sameMembers(one.ids, other.ids) && sameMembers(one.values, other.values);
}

function portOf(
  port: FramePort,
  last: GatewayPort | undefined,
  hosts: (listener: FramePort['listeners'][number]) => readonly VirtualHost[],
): GatewayPort {
  const known = new Map(last?.listeners.map((listener) => [listener.id, listener]));
  const listeners = port.listeners.map((listener): CompiledListener => {
    const own = hosts(listener);
    const before = known.get(listener.id);
    if (before?.hosts === own && sameValue({ ...listener, hosts: 0 }, { ...before, hosts: 0 })) return before;
    return { ...listener, hosts: own };
  });
  const isSame =
    last !== undefined &&
    sameMembers(listeners, last.listeners) &&
    sameValue({ ...port, listeners: 0 }, { ...last, listeners: 0 });
  return isSame ? last : { ...port, listeners };
}

/** By listener, in the order of `joinGateway`: by hostname, equal ones as their pieces come. */
function hostsOfAll(pieces: readonly HeldPiece[]): ReadonlyMap<string, readonly VirtualHost[]> {
  const all = new Map<string, VirtualHost[]>();
  for (const { hosts } of pieces) {
    for (const [id, own] of hosts) {
      const known = all.get(id);
      if (known === undefined) all.set(id, [...own]);
      else known.push(...own);
    }
  }
  for (const hosts of all.values()) hosts.sort(byHostname);
  return all;
}

/** Those of a listener after a few pieces changed; undefined: that cannot be told from these alone. */
function changedHosts(
  id: string,
  known: readonly VirtualHost[],
  changed: readonly Changed[],
): readonly VirtualHost[] | undefined {
  const gone: VirtualHost[] = [];
  const come: VirtualHost[] = [];
  for (const { before, now } of changed) {
    const one = before?.hosts.get(id) ?? NO_HOSTS;
    const other = now?.hosts.get(id) ?? NO_HOSTS;
    if (sameMembers(one, other)) continue;
    gone.push(...one);
    come.push(...other);
  }
  if (gone.length + come.length === 0) return known;
  const leaving = new Set(gone);
  const next = known.filter((host) => !leaving.has(host));
  if (next.length !== known.length - gone.length) return undefined;
  for (const host of come) {
    const at = placeOf(host, next);
    // Whose piece comes first is not known here any more.
    if (next[at]?.hostname === host.hostname && at < next.length) return undefined;
    next.splice(at, 0, host);
  }
  return next;
}

/** The first place that does not go before the host. */
function placeOf(host: VirtualHost, sorted: readonly VirtualHost[]): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = sorted[middle];
    if (other !== undefined && byHostname(other, host) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function byHostname(a: VirtualHost, b: VirtualHost): number {
  return compareHostnames(a.hostname, b.hostname);
}

function quotaOf(
  frame: NonNullable<GatewayFrame['quota']>,
  last: QuotaPart | undefined,
  policies: QuotaPart['policies'],
): QuotaPart {
  const known = new Map(last?.budgets.map((budget) => [budget.id, budget]));
  const budgets = frame.budgets.map((budget): SpokeBudget => {
    const before = known.get(budget.id);
    return before !== undefined && sameValue(before, budget) ? before : budget;
  });
  const isSame =
    last !== undefined &&
    last.policies === policies &&
    sameMembers(budgets, last.budgets) &&
    sameValue({ ...frame, budgets: 0, policies: 0 }, { ...last, budgets: 0, policies: 0 });
  return isSame ? last : { ...frame, budgets, policies };
}

/** By id of the listener, then by hostname; `undefined`: every host. */
type HostIndex = ReadonlyMap<string, ReadonlyMap<string | undefined, VirtualHost>>;

function allHosts({ ports }: GatewayPart): HostIndex {
  return new Map(
    ports.flatMap(({ listeners }) =>
      listeners.map(({ id, hosts }) => [id, new Map(hosts.map((host) => [host.hostname, host]))] as const),
    ),
  );
}

/** What there was, to be found again in pieces that came. */
class LastEntries {
  readonly #part: GatewayPart;
  readonly #hosts: HostIndex | undefined;

  /** @param hosts needed where pieces do not stand in the places of those before */
  constructor(part: GatewayPart, hosts: HostIndex | undefined) {
    this.#part = part;
    this.#hosts = hosts;
  }

  /** @param inPlace hosts of the piece that it takes the place of */
  hold(
    sha256: string,
    piece: GatewayPiece,
    inPlace: ReadonlyMap<string, readonly VirtualHost[]> | undefined,
  ): HeldPiece {
    const { rules, backends, auth, edge, quota } = this.#part;
    const hosts = new Map<string, readonly VirtualHost[]>();
    for (const [listener, own] of Object.entries(piece.hosts)) {
      const known = inPlace?.get(listener);
      hosts.set(
        listener,
        own.map((host) => {
          const before =
            known?.find(({ hostname }) => hostname === host.hostname) ??
            this.#hosts?.get(listener)?.get(host.hostname);
          return before !== undefined && sameValue(before, host) ? before : host;
        }),
      );
    }
    return {
      sha256,
      entries: {
        rules: entriesOf(piece.rules, rules),
        backends: entriesOf(piece.backends, backends),
        auth: entriesOf(piece.auth, auth),
        edge: entriesOf(piece.edge, edge),
        quotas: entriesOf(piece.quotas, quota?.policies ?? {}),
      },
      hosts,
    };
  }
}

function entriesOf<T>(record: Readonly<Record<string, T>>, before: Readonly<Record<string, T>>): Entries<T> {
  const ids = Object.keys(record);
  if (ids.length === 0) return NO_ENTRIES;
  const values = Object.entries(record).map(([id, value]) => {
    const known = before[id];
    return known !== undefined && sameValue(known, value) ? known : value;
  });
  return { ids, values };
}
