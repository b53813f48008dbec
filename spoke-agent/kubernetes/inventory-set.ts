import type {
  InventoryFacts,
  InventoryKey,
  InventoryKind,
  InventoryLimits,
} from '../../src/inventory/contract.ts';
import { INVENTORY_KINDS } from '../../src/inventory/contract.ts';

/** What the hub is to be told at this moment. */
export interface InventorySet {
  /** Something may be otherwise; looked at when `changes` is asked for. */
  touch(key: InventoryKey): void;
  /** Everything of a kind may be. */
  touchKind(kind: InventoryKind): void;
  /** What is otherwise since the last time: JSON of the content, or undefined for what is gone. */
  changes(): ReadonlyMap<InventoryKey, string | undefined>;
  /** All of it, in the order that it is sent in. */
  readonly contents: ReadonlyMap<InventoryKey, string>;
  /** What there is no room for. */
  readonly problems: InventoryFacts['problems'];
}

/** The objects of one kind as they would be sent. */
export interface InventorySource {
  readonly names: () => Iterable<string>;
  /** Undefined: not to be sent. */
  readonly content: (name: string) => string | undefined;
}

/**
 * Keeps what is sent in line with what was found, by keys: work goes with what changed. Beyond the bounds (the hub refuses more) new objects are left out
 * and named as a problem, so that what was served before stays served.
 */
export function createInventorySet(
  sources: Readonly<Record<InventoryKind, InventorySource>>,
  bounds: InventoryLimits,
): InventorySet {
  const contents = new Map<InventoryKey, string>();
  const touched = new Set<InventoryKey>();
  const leftOut = new Set<InventoryKey>();
  let bytes = 0;

  const touchKind = (kind: InventoryKind): void => {
    for (const name of sources[kind].names()) touched.add(`${kind} ${slashed(name)}`);
    for (const key of [...contents.keys(), ...leftOut]) if (kindOf(key) === kind) touched.add(key);
  };

  return {
    contents,
    touch: (key) => void touched.add(key),
    touchKind,
    changes() {
      const changed = new Map<InventoryKey, string | undefined>();
      let freed = false;
      // Gateways and routes first: what has no room is found out last.
      for (const kind of INVENTORY_KINDS) {
        for (const key of touched) {
          if (kindOf(key) !== kind) continue;
          const before = contents.get(key);
          const next = sources[kind].content(nameOf(key));
          if (next === before) {
            if (next === undefined) leftOut.delete(key);
            continue;
          }
          const grown = bytes + bytesOf(next) - bytesOf(before);
          const tooMuch =
            next !== undefined &&
            (grown > bounds.bytes || (before === undefined && contents.size >= bounds.objects));
          if (tooMuch) {
            leftOut.add(key);
            continue;
          }
          freed ||= next === undefined && before !== undefined;
          leftOut.delete(key);
          bytes = grown;
          if (next === undefined) contents.delete(key);
          else contents.set(key, next);
          changed.set(key, next);
        }
      }
      touched.clear();
      if (freed) for (const key of leftOut) touched.add(key);
      return changed;
    },
    get problems() {
      const [first] = leftOut;
      if (first === undefined) return [];
      return [
        {
          resource: 'inventory',
          message: `${leftOut.size} objects are not told to the hub, such as ${first}: it takes at most ${bounds.objects} objects and ${bounds.bytes} bytes from one cluster`,
        },
      ];
    },
  };
}

function bytesOf(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text);
}

/** Of objects of the whole cluster the namespace is empty: `Namespace /shop`. */
function slashed(name: string): `${string}/${string}` {
  const at = name.indexOf('/');
  return at < 0 ? `/${name}` : `${name.slice(0, at)}/${name.slice(at + 1)}`;
}

export function kindOf(key: InventoryKey): InventoryKind {
  const word = key.slice(0, key.indexOf(' '));
  return INVENTORY_KINDS.find((kind) => kind === word) ?? 'Namespace';
}

/** `namespace/name`, or `name` of objects of the whole cluster. */
function nameOf(key: InventoryKey): string {
  const name = key.slice(key.indexOf(' ') + 1);
  return name.startsWith('/') ? name.slice(1) : name;
}

export function keyOf(kind: InventoryKind, name: string): InventoryKey {
  return `${kind} ${slashed(name)}`;
}

/** Kind, namespace and name. */
export function partsOf(key: InventoryKey): {
  readonly kind: InventoryKind;
  readonly namespace: string;
  readonly name: string;
} {
  const place = key.slice(key.indexOf(' ') + 1);
  const at = place.indexOf('/');
  return { kind: kindOf(key), namespace: place.slice(0, at), name: place.slice(at + 1) };
}
