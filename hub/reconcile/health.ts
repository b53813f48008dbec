import { createHealthBoard, type HealthBoard } from '../../src/health/board.ts';
import {
  bookDrains,
  type DrainBook,
  EMPTY_DRAIN_BOOK,
  isDrained,
  type StandingDrain,
} from '../../src/health/drain-book.ts';
import { type LastHealthy, lastHealthyKey, trackLastHealthy } from '../../src/health/last-healthy.ts';
import { createStateView, type HeldStateView } from '../../src/health/state-view.ts';
import type { QuorumConfig, Target, TargetMemory, TargetState } from '../../src/health/types.ts';
import type { VoteBatch } from '../../src/health/vote-book.ts';
import type { RegionTable, RoutedPolicy } from '../../src/routing/model.ts';
import { targetIdsOf } from './world.ts';

/** The hub's decision of health and drains, and the immutable view that its own name server reads. */
export interface HubHealth {
  setTargets(targets: readonly Target[]): void;
  setPolicies(policies: readonly RoutedPolicy[], regions: RegionTable): void;
  /** Replaces the drains that stand, those of drills included. */
  setDrains(drains: readonly StandingDrain[]): void;
  ingest(batch: VoteBatch): void;
  forget(vantage: string): void;
  /** Decides; call at least every second and after every batch. Listeners hear only of changes. */
  tick(): void;
  readonly view: HeldStateView;
  readonly states: ReadonlyMap<string, TargetState>;
  /** The states with the votes of this moment. */
  explain(targetId: string): TargetState | undefined;
  state(targetId: string): 'up' | 'down' | 'unknown';
  isDrained(cluster: string): boolean;
  memories(): Readonly<Record<string, TargetMemory>>;
  restore(memories: Readonly<Record<string, TargetMemory>>): void;
  /** False until enough vantage points were heard after the start, or it waited long enough: agents keep their own states. */
  readonly authoritative: boolean;
  /** Failure domains with a fresh, connected vantage point. */
  readonly heardDomains: number;
}

export interface HubHealthOptions {
  readonly quorum: QuorumConfig;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** States or drains changed: tell the agents, now. */
  readonly onChange: (changed: readonly TargetState[]) => void;
  /** There is another `view`: tell those who answer by a copy of it. */
  readonly onView?: (() => void) | undefined;
}

export function createHubHealth(options: HubHealthOptions): HubHealth {
  const { monotonicMs } = options;
  const startedMs = monotonicMs();
  const board: HealthBoard = createHealthBoard({ config: options.quorum });
  let states: ReadonlyMap<string, TargetState> = new Map();
  let drains: DrainBook = EMPTY_DRAIN_BOOK;
  let lastHealthy: LastHealthy = new Map();
  let policies: readonly RoutedPolicy[] = [];
  let regions: RegionTable = {};
  /** Policies that remember their last healthy answer, by the targets it depends on. */
  let rememberers: ReadonlyMap<string, readonly RoutedPolicy[]> = new Map();
  let authoritative = false;
  let view = makeView();

  function makeView(): HeldStateView {
    const takenAtMs = monotonicMs();
    // The hub is the source of configuration: its own view never goes stale.
    return createStateView(
      { targets: states, drains, lastHealthy, takenAtMs, freshAtMs: Number.POSITIVE_INFINITY },
      monotonicMs,
    );
  }

  const drained = (cluster: string): boolean => isDrained(drains, cluster, monotonicMs());
  const stateOf = (id: string): 'up' | 'down' | 'unknown' => states.get(id)?.state ?? 'unknown';

  function refresh(): void {
    lastHealthy = track(lastHealthy, policies);
    view = makeView();
    options.onView?.();
  }

  const track = (previous: LastHealthy, of: readonly RoutedPolicy[]): LastHealthy =>
    trackLastHealthy(previous, { policies: of, regions, targetState: stateOf, isDrained: drained });

  /** As `refresh`, when nothing but these targets changed: the other policies remember what they did. */
  function refreshAfter(changed: readonly string[]): void {
    const affected = [...new Set(changed.flatMap((id) => rememberers.get(id) ?? []))];
    if (affected.length > 0) {
      const keys = affected.flatMap((policy) =>
        policy.residency.map((rule) => lastHealthyKey(`${policy.namespace}/${policy.name}`, rule.region)),
      );
      const before: LastHealthy = new Map(
        keys.flatMap((key) => {
          const endpoints = lastHealthy.get(key);
          return endpoints === undefined ? [] : [[key, endpoints] as const];
        }),
      );
      const after = track(before, affected);
      if (after !== before) {
        const next = new Map(lastHealthy);
        for (const key of keys) next.delete(key);
        for (const [key, endpoints] of after) next.set(key, endpoints);
        lastHealthy = next;
      }
    }
    view = makeView();
    options.onView?.();
  }

  return {
    setTargets(targets) {
      board.setTargets(targets, { nowMs: monotonicMs(), wallMs: options.wallMs() });
    },
    setPolicies(next, table) {
      policies = next;
      regions = table;
      rememberers = rememberersOf(next);
      refresh();
    },
    setDrains(said) {
      const next = bookDrains(drains, said, 'all', monotonicMs());
      if (next === drains) return;
      drains = next;
      refresh();
      options.onChange([]);
    },
    ingest: (batch) => void board.ingest(batch, monotonicMs()),
    forget: (vantage) => board.forget(vantage),
    tick() {
      const nowMs = monotonicMs();
      const tick = board.tick({ nowMs, wallMs: options.wallMs() });
      if (!authoritative) {
        const waited = nowMs - startedMs;
        authoritative =
          waited > options.quorum.staleAfterMs ||
          board.heardDomains(nowMs).length > options.quorum.minFailureDomains;
      }
      if (tick.states === states) return;
      states = tick.states;
      refreshAfter([...tick.changed.map((state) => state.targetId), ...tick.removed]);
      if (tick.changed.length > 0 || tick.removed.length > 0) options.onChange(tick.changed);
    },
    get view() {
      return view;
    },
    get states() {
      return states;
    },
    explain: (id) => board.explain(id, monotonicMs())?.state,
    state: stateOf,
    isDrained: drained,
    memories: () => board.remember(),
    restore: (memories) => board.restore(memories, monotonicMs()),
    get authoritative() {
      return authoritative;
    },
    get heardDomains() {
      return board.heardDomains(monotonicMs()).length;
    },
  };
}

function rememberersOf(policies: readonly RoutedPolicy[]): ReadonlyMap<string, readonly RoutedPolicy[]> {
  const byTarget = new Map<string, RoutedPolicy[]>();
  for (const policy of policies) {
    if (!policy.residency.some((rule) => rule.onAllDown.action === 'lastAnswer')) continue;
    for (const id of policy.endpoints.flatMap(targetIdsOf)) {
      const known = byTarget.get(id);
      if (known === undefined) byTarget.set(id, [policy]);
      else known.push(policy);
    }
  }
  return byTarget;
}
