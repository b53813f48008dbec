import type { DomainName } from '../name.ts';
import type { ZoneNode } from '../zone.ts';

/** Nodes held by default; some 500 octets each. */
const DEFAULT_NODES = 32_768;

interface Entry {
  readonly table: object;
  readonly node: ZoneNode;
}

/**
 * The nodes of packed zones that were asked for lately, as objects. Bounded whatever is asked: two generations, and when
 * the younger is full it becomes the older, whose entries are dropped unless they were asked for meanwhile. All zones of
 * one answer table share one. Names of which two zones have a node (a delegation and the apex below it) displace each other.
 */
export class NodeCache {
  readonly #generation: number;
  #young = new Map<DomainName, Entry>();
  #old = new Map<DomainName, Entry>();

  /** @param nodes the most nodes that are held */
  constructor(nodes = DEFAULT_NODES) {
    this.#generation = Math.max(1, nodes >> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(table: object, name: DomainName): ZoneNode | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young.table === table ? young.node : undefined;
    const old = this.#old.get(name);
    if (old === undefined || old.table !== table) return undefined;
    this.#old.delete(name);
    this.#put(name, old);
    return old.node;
  }

  set(table: object, name: DomainName, node: ZoneNode): void {
    this.#old.delete(name);
    this.#put(name, { table, node });
  }

  #put(name: DomainName, entry: Entry): void {
    if (this.#young.size >= this.#generation && !this.#young.has(name)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, entry);
  }
}
