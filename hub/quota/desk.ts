import { PortolanError } from '../../src/errors/error.ts';
import type { Budget } from '../../src/quota/budget.ts';
import type { QuotaChange, QuotaLimit, QuotaServices } from '../api/quota-services.ts';
import type { Actor, AgentIdentity, QuotaAudit } from '../store/contract.ts';
import { checkKey } from './key-check.ts';
import { explained, limitView, nameOf, type Seen } from './limit-view.ts';
import type { OpenQuota, QuotaService } from './service.ts';

export interface QuotaDeskOptions {
  readonly quota: Pick<QuotaService, 'open' | 'budgets'>;
  readonly agents: () => readonly AgentIdentity[];
  readonly wallMs: () => number;
  /** Rejects after so long. */
  readonly late: (
    ms: number,
    error: () => PortolanError,
  ) => { readonly rejects: Promise<never>; cancel(): void };
}

/** A person waits for so long that a change is durable. */
const PATIENCE_MS = 5_000;

/** Limits as people see and change them. */
export function createQuotaDesk(options: QuotaDeskOptions): QuotaServices {
  const { quota } = options;

  function seen({ nowMs, pausedUntilMs }: OpenQuota): Seen {
    const clusters = new Map(
      options.agents().map(({ agentUid, cluster }) => [agentUid, `${cluster.namespace}/${cluster.name}`]),
    );
    return {
      nowMs: nowMs(),
      pausedUntilMs,
      clusterOf: (agentUid) => clusters.get(agentUid) ?? '',
    };
  }

  /** Limits of a namespace by the beginning of their names. */
  function named(namespace: string, text: string | undefined): readonly Budget[] {
    const all = [...quota.budgets.values()].filter(({ id }) => id.startsWith(`${namespace}/`));
    if (text === undefined) return all;
    const found = all.filter((budget) => `${nameOf(budget)}/`.startsWith(`${text}/`));
    if (found.length > 0) return found;
    throw new PortolanError('NOT_FOUND', `namespace ${namespace} has no limit ${text}`, {
      fix:
        all.length === 0
          ? 'It has no limits: apply a RateLimitPolicy.'
          : `Use one of ${list(all)}, or the beginning of one.`,
    });
  }

  function one(namespace: string, text: string): Budget {
    const found = named(namespace, text);
    const [budget] = found;
    if (budget !== undefined && found.length === 1) return budget;
    throw new PortolanError('VALIDATION_FAILED', `${text} is more than one limit`, {
      fix: `Use one of ${list(found)}.`,
    });
  }

  function opened(): OpenQuota {
    const open = quota.open;
    if (open !== undefined) return open;
    throw new PortolanError('NOT_READY', 'the hub has not read its book of limits yet');
  }

  function shown(open: OpenQuota, budget: Budget, key: string): QuotaLimit {
    const now = seen(open);
    return limitView(budget, open.ledger.describe(budget.id, now.nowMs, { key, most: 1 }), now);
  }

  async function changed<T>(
    namespace: string,
    { limit, key, reason }: QuotaChange,
    actor: Actor,
    verb: QuotaAudit['verb'],
    payload: object,
    run: (open: OpenQuota, budget: Budget, nowMs: number) => T,
  ): Promise<{ readonly result: T; readonly limit: QuotaLimit }> {
    const budget = one(namespace, limit);
    checkKey(budget, key);
    const open = opened();
    const [, policy = ''] = budget.id.split('/');
    const fact = {
      actor,
      verb,
      namespace,
      name: policy,
      payload: { limit: nameOf(budget), key, ...payload },
      ...(reason === undefined ? {} : { reason }),
    };
    const late = options.late(
      PATIENCE_MS,
      () =>
        new PortolanError('STORE_UNAVAILABLE', 'the store has not taken the change yet', {
          fix: 'Look again with `portolan quota get`: it takes effect when the store answers.',
        }),
    );
    try {
      const done = open.commits.change(
        (nowMs) => run(open, budget, nowMs),
        () => fact,
      );
      const result = await Promise.race([done, late.rejects]);
      return { result, limit: shown(open, budget, key) };
    } finally {
      late.cancel();
    }
  }

  return {
    async list(namespace, { limit, key, most }) {
      const budgets = named(namespace, limit);
      const open = quota.open;
      if (open === undefined) {
        // No ledger, so nothing of any limit is in use.
        const nothing = { nowMs: 0, pausedUntilMs: 0, clusterOf: () => '' };
        return {
          at: new Date(options.wallMs()).toISOString(),
          items: budgets.map((budget) => limitView(budget, [], nothing)),
        };
      }
      const now = seen(open);
      const asked = { most, ...(key === undefined ? {} : { key }) };
      return {
        at: new Date(now.nowMs).toISOString(),
        ...(now.pausedUntilMs > now.nowMs ? { pausedUntil: new Date(now.pausedUntilMs).toISOString() } : {}),
        items: budgets.map((budget) =>
          limitView(budget, open.ledger.describe(budget.id, now.nowMs, asked), now),
        ),
      };
    },
    async explain(namespace, { limit, key }) {
      const budget = one(namespace, limit);
      checkKey(budget, key);
      const open = opened();
      const now = seen(open);
      const [state] = open.ledger.describe(budget.id, now.nowMs, { key, most: 1 });
      return explained(budget, key, state, now);
    },
    async set(namespace, change, actor) {
      const { hits, seconds } = change;
      const { limit } = await changed(
        namespace,
        change,
        actor,
        'quota.set',
        { hits, seconds },
        ({ ledger }, budget, nowMs) =>
          ledger.override(budget.id, change.key, { limit: hits, untilMs: nowMs + seconds * 1000 }),
      );
      return limit;
    },
    async unset(namespace, change, actor) {
      const { limit } = await changed(
        namespace,
        change,
        actor,
        'quota.set',
        { hits: null },
        ({ ledger }, budget) => ledger.override(budget.id, change.key, undefined),
      );
      return limit;
    },
    async reset(namespace, change, actor) {
      const { result, limit } = await changed(
        namespace,
        change,
        actor,
        'quota.reset',
        {},
        ({ ledger }, budget, nowMs) => ledger.reset(budget.id, change.key, nowMs),
      );
      return { forgotten: result, limit };
    },
  };
}

const MOST_NAMED = 10;

function list(budgets: readonly Budget[]): string {
  const names = budgets.slice(0, MOST_NAMED).map(nameOf);
  const more = budgets.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
