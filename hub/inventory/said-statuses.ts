import {
  type ClusterInventory,
  INVENTORY_KINDS,
  type InventoryKey,
  type InventoryKind,
} from '../../src/inventory/contract.ts';
import type { RouteReport } from '../../src/policy/compile-report.ts';
import { listChange } from '../../src/policy/list-change.ts';
import { sameValue } from '../../src/policy/same-value.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { FoundStatus, MadeStatus, SaidBefore } from './object-statuses.ts';

interface Said {
  readonly found: FoundStatus;
  /** What it was said of. */
  readonly object: object;
}

type RouteReports = ClusterGateways['reports']['routes'];

/** What was said of the objects of one cluster, and what of it stands. */
export class SaidStatuses implements SaidBefore {
  /** By `namespace/name`. */
  readonly #said = new Map<InventoryKind, Map<string, Said>>();
  readonly #reports = new Map<InventoryKind, Map<string, RouteReport>>();
  #routes: RouteReports = [];
  #around: string | undefined;
  /** Routes whose reports are other ones than those that were told of. */
  readonly #stale = new Set<string>();
  #allStale = false;

  /**
   * Looks at what is otherwise now, and forgets what is gone.
   * @param around what every status depends on; another one makes all anew
   */
  begin(inventory: ClusterInventory, routes: RouteReports, around: string): void {
    const { gone, came } = listChange(this.#routes, routes);
    this.#routes = routes;
    for (const report of gone) {
      this.#reports.get(report.kind)?.delete(nameOf(report));
      this.#stale.add(`${report.kind} ${nameOf(report)}`);
    }
    for (const report of came) {
      of(this.#reports, report.kind).set(nameOf(report), report);
      this.#stale.add(`${report.kind} ${nameOf(report)}`);
    }
    if (around !== this.#around) this.#allStale = true;
    this.#around = around;
    for (const [kind, said] of this.#said) {
      for (const name of said.keys()) if (!has(inventory, kind, name)) said.delete(name);
    }
  }

  /** Everything is said. */
  end(): void {
    this.#stale.clear();
    this.#allStale = false;
  }

  status(kind: InventoryKind, name: string): unknown {
    return this.#said.get(kind)?.get(name)?.found.status;
  }

  stands(kind: InventoryKind, name: string, object: object): boolean {
    return (
      !this.#allStale &&
      this.#said.get(kind)?.get(name)?.object === object &&
      (this.#stale.size === 0 || !this.#stale.has(`${kind} ${name}`))
    );
  }

  report(kind: InventoryKind, name: string): RouteReport | undefined {
    return this.#reports.get(kind)?.get(name);
  }

  /** @returns false when the same was said of the same object */
  say([found, object]: MadeStatus): boolean {
    const said = of(this.#said, found.kind);
    const name = nameOf(found);
    const before = said.get(name)?.found;
    const same = before?.uid === found.uid && sameValue(before.status, found.status);
    said.set(name, { found: same ? before : found, object });
    return !same;
  }

  /** All that was said. */
  *all(): Iterable<FoundStatus> {
    for (const kind of INVENTORY_KINDS)
      for (const { found } of this.#said.get(kind)?.values() ?? []) yield found;
  }

  byKey(): ReadonlyMap<InventoryKey, unknown> {
    return new Map([...this.all()].map(({ key, status }) => [key, status]));
  }
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}

function of<K, V>(maps: Map<K, Map<string, V>>, kind: K): Map<string, V> {
  const known = maps.get(kind) ?? new Map<string, V>();
  maps.set(kind, known);
  return known;
}

function has({ resources, refused, ignored }: ClusterInventory, kind: InventoryKind, name: string): boolean {
  if (kind in resources && resources[kind as keyof typeof resources].has(name)) return true;
  const key = `${kind} ${name}`;
  return refused.has(key) || ignored.has(key);
}
