/** What the API asks of the part that takes what agents find in their clusters. */
export interface InventoryServices {
  /** @param cluster `namespace/name`; undefined: its agent has told nothing to this hub */
  inventory(cluster: string): InventoryView | undefined;
}

export interface InventoryView {
  /** `namespace/name` */
  readonly cluster: string;
  /** The agent is there and tells what changes; else this is what it told last. */
  readonly live: boolean;
  /** RFC 3339: since then the first whole inventory is waited for. */
  readonly awaitedSince?: string;
  /** What was found and can be used, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  readonly items: readonly InventoryItem[];
}

export interface InventoryItem {
  readonly kind: string;
  /** Empty for Namespaces. */
  readonly namespace: string;
  readonly name: string;
  /** `elsewhere`: the hub has an object of this kind and name. */
  readonly state: 'used' | 'refused' | 'elsewhere' | 'ignored';
  /** Why it is not used, or what is wrong with it. */
  readonly detail: string;
  /** What was told to the agent for its `status`; absent: its kind has none. */
  readonly status?: unknown;
}
