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

/*
 * A `GatewayPart` in pieces, so that a change of one route among thousands is a change of a few of them (ADR 34). Entries go to a piece by their
 * name alone: the same entry is in the same piece whatever else there is.
 */

/** What is left of a `GatewayPart` without its entries; small, and sent whole. Part `gatewayFrame` of a snapshot. */
export interface GatewayFrame {
  readonly ports: readonly FramePort[];
  /** Without `policies`: they are entries. */
  readonly quota?: Omit<QuotaPart, 'policies'>;
  /** Of each piece, in order; their number is a power of two. Whoever signed the frame vouches for them. */
  readonly pieces: readonly PieceRef[];
}

export interface FramePort extends Omit<GatewayPort, 'listeners'> {
  /** Without `hosts`: they are entries. */
  readonly listeners: readonly Omit<CompiledListener, 'hosts'>[];
}

/** Names the canonical JSON (UTF-8) of a `GatewayPiece`. */
export interface PieceRef {
  /** Hex. */
  readonly sha256: string;
  /** Octets. */
  readonly size: number;
}

/** The entries that go to one piece; keys as in `GatewayPart`. */
export interface GatewayPiece {
  readonly rules: Readonly<Record<string, CompiledRule>>;
  readonly backends: Readonly<Record<string, CompiledBackend>>;
  readonly auth: Readonly<Record<string, CompiledAuth>>;
  readonly edge: Readonly<Record<string, CompiledEdge>>;
  /** `QuotaPart.policies`. */
  readonly quotas: Readonly<Record<string, CompiledQuota>>;
  /** By id of the listener, each in the order of `CompiledListener.hosts`. */
  readonly hosts: Readonly<Record<string, readonly VirtualHost[]>>;
}

/** Pieces a frame may have at most. */
export const MAX_PIECES = 1024;
/** Entries that a piece should have: about ten kilobytes. */
const ENTRIES = 32;

/**
 * How many pieces so many entries want. Their number stays `before` until there are four times too few entries or twice too many: all
 * pieces are other ones when it changes.
 * @param before pieces now; 0: none
 */
export function pieceCount(entries: number, before: number): number {
  const wanted = Math.max(1, entries / ENTRIES);
  if (before > 0 && wanted > before / 4 && wanted <= before * 2) return before;
  return Math.min(MAX_PIECES, 2 ** Math.ceil(Math.log2(wanted)));
}

/** Entries of a part, as `pieceCount` counts them. */
export function entriesOf({ ports, rules, backends, auth, edge, quota }: GatewayPart): number {
  let count = 0;
  for (const record of [rules, backends, auth, edge, quota?.policies ?? {}])
    count += Object.keys(record).length;
  for (const { listeners } of ports) for (const { hosts } of listeners) count += hosts.length;
  return count;
}

/**
 * The frame but for its references, and the pieces. Entries are the same objects as in `part`.
 * @param count a power of two
 * @param only numbers of the pieces that are wanted: the others stay empty; absent: all
 */
export function splitGateway(
  part: GatewayPart,
  count: number,
  only?: ReadonlySet<number>,
): { readonly frame: Omit<GatewayFrame, 'pieces'>; readonly pieces: readonly GatewayPiece[] } {
  const pieces = Array.from({ length: count }, emptyPiece);
  const place = (kind: string, key: string): MutablePiece | undefined => {
    const at = pieceOf(kind, key, count);
    return only === undefined || only.has(at) ? pieces[at] : undefined;
  };
  const spread = <V>(
    kind: string,
    entries: Readonly<Record<string, V>>,
    of: (piece: MutablePiece) => Record<string, V>,
  ): void => {
    for (const key of Object.keys(entries)) {
      const [piece, entry] = [place(kind, key), entries[key]];
      if (piece !== undefined && entry !== undefined) of(piece)[key] = entry;
    }
  };
  spread('rules', part.rules, (piece) => piece.rules);
  spread('backends', part.backends, (piece) => piece.backends);
  spread('auth', part.auth, (piece) => piece.auth);
  spread('edge', part.edge, (piece) => piece.edge);
  const { policies, ...quota } = part.quota ?? { policies: {} };
  spread('quotas', policies, (piece) => piece.quotas);
  const ports = part.ports.map((port) => ({
    ...port,
    listeners: port.listeners.map(({ hosts, ...listener }) => {
      for (const host of hosts) {
        const own = place(listener.id, host.hostname ?? '')?.hosts;
        if (own === undefined) continue;
        const there = own[listener.id];
        if (there === undefined) own[listener.id] = [host];
        else there.push(host);
      }
      return listener;
    }),
  }));
  return { frame: { ports, ...('version' in quota ? { quota } : {}) }, pieces };
}

/** The whole part: `splitGateway` backwards, with the same entries. */
export function joinGateway(
  { ports, quota }: Omit<GatewayFrame, 'pieces'>,
  pieces: readonly GatewayPiece[],
): GatewayPart {
  const hosts = new Map<string, VirtualHost[]>();
  for (const piece of pieces) {
    for (const [listener, own] of Object.entries(piece.hosts)) {
      const known = hosts.get(listener);
      if (known === undefined) hosts.set(listener, [...own]);
      else known.push(...own);
    }
  }
  const all = <K extends 'rules' | 'backends' | 'auth' | 'edge' | 'quotas'>(kind: K): GatewayPiece[K] =>
    Object.assign({}, ...pieces.map((piece) => piece[kind])) as GatewayPiece[K];
  return {
    ports: ports.map((port) => ({
      ...port,
      listeners: port.listeners.map((listener) => ({
        ...listener,
        hosts: (hosts.get(listener.id) ?? []).sort((a, b) => compareHostnames(a.hostname, b.hostname)),
      })),
    })),
    rules: all('rules'),
    backends: all('backends'),
    auth: all('auth'),
    edge: all('edge'),
    ...(quota === undefined ? {} : { quota: { ...quota, policies: all('quotas') } }),
  };
}

type MutablePiece = {
  readonly [K in Exclude<keyof GatewayPiece, 'hosts'>]: Record<string, GatewayPiece[K][string]>;
} & { readonly hosts: Record<string, VirtualHost[]> };

function emptyPiece(): MutablePiece {
  return { rules: {}, backends: {}, auth: {}, edge: {}, quotas: {}, hosts: {} };
}

/**
 * Number of the piece that an entry goes to.
 * @param kind member of `GatewayPiece`; of a host the id of its listener
 * @param key in the record; of a host its name, or nothing
 * @param count a power of two
 */
export function pieceOf(kind: string, key: string, count: number): number {
  return hashOf(kind, key) & (count - 1);
}

/** FNV-1a, 32 bits, over UTF-16 code units: spreads names, and promises nothing to those who choose them. */
function hashOf(kind: string, key: string): number {
  let hash = 0x811c9dc5;
  for (const text of [kind, key]) {
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ 0xff, 0x01000193);
  }
  // The low bits are the ones that choose.
  return (hash ^ (hash >>> 15)) >>> 0;
}
