import type { DomainName } from '../name.ts';
import type { ZoneNode } from '../zone.ts';

/** Nodes held by default; some 500 octets each. */
const DEFAULT_NODES = 32_768;

/**
 * Bounds the nodes of packed zones that are held as objects, over all zones of one answer table, whatever is asked. In two
 * generations: when the younger is full it becomes the older, whose nodes are dropped unless they were asked for meanwhile.
 */
export class NodeCache {
  readonly #generation: number;
  readonly #zones: ZoneNodes[] = [];
  #young = 0;

  /** @param nodes the most nodes that are held */
  constructor(nodes = DEFAULT_NODES) {
    this.#generation = Math.max(1, nodes >> 1);
  }

  get size(): number {
    return this.#zones.reduce((sum, zone) => sum + zone.size, 0);
  }

  /** Where one zone holds its nodes. */
  ofZone(): ZoneNodes {
    const zone = new ZoneNodes(() => this.#grow());
    this.#zones.push(zone);
    return zone;
  }

  #grow(): void {
    if (this.#young >= this.#generation) {
      for (const zone of this.#zones) zone.age();
      this.#young = 0;
    }
    this.#young += 1;
  }
}

/** The nodes held of one zone. */
class ZoneNodes {
  readonly #grow: () => void;
  #young: Map<DomainName, ZoneNode> | undefined;
  #old: Map<DomainName, ZoneNode> | undefined;

  /** @param grow called before a node is held that was not, or was among the older */
  constructor(grow: () => void) {
    this.#grow = grow;
  }

  get size(): number {
    return (this.#young?.size ?? 0) + (this.#old?.size ?? 0);
  }

  get(name: DomainName): ZoneNode | undefined {
    const young = this.#young?.get(name);
    if (young !== undefined || this.#old === undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }

  /** The node must not be held already, but among the older. */
  set(name: DomainName, node: ZoneNode): void {
    this.#grow();
    this.#old?.delete(name);
    this.#young ??= new Map();
    this.#young.set(name, node);
  }

  age(): void {
    this.#old = this.#young;
    this.#young = undefined;
  }
}

export type { ZoneNodes };
