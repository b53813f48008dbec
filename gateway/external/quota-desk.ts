import { CelContext, type CelRequestFacts } from '../../src/policy/cel-context.ts';
import type { QuotaPart } from '../../src/policy/model.ts';
import type { QuotaDecision, QuotaGate } from '../quota/contract.ts';
import type { PreparedQuota } from '../quota/limits.ts';
import type { UsageSink } from '../usage/contract.ts';
import { meteredHits } from './metered-hits.ts';

/** What another proxy says of a request that it wants to count. */
export interface QuotaQuestion {
  /** Of a RateLimitPolicy. */
  readonly domain: string;
  /** Without prototypes: their names are the proxy's. */
  readonly descriptors: readonly Readonly<Record<string, string>>[];
  /** How many hits the request is; each limit's cost is multiplied with it. 0: nothing is counted, and it is admitted. */
  readonly hits: number;
  /** What it asks about was served already: its hits are taken whatever is left, and the answer is yes. */
  readonly charge?: boolean;
}

export type QuotaAnswer =
  /** `fields`: `RateLimit` and the like; none where no limit applies. */
  | { readonly outcome: 'admitted'; readonly fields: readonly string[] }
  | {
      readonly outcome: 'refused';
      readonly fields: readonly string[];
      /** `QUOTA_EXCEEDED`, or `QUOTA_UNAVAILABLE` when it could not be known. */
      readonly code: QuotaDecision['code'];
      readonly status: number;
      readonly limit: string;
    }
  /** There is no configuration yet: whoever asks knows best what to do without an answer. */
  | { readonly outcome: 'unready' };

export interface QuotaAsker {
  /** Nobody waits for the answer any more. */
  readonly gone: boolean;
  answered(answer: QuotaAnswer): void;
}

/** Limits of requests that somebody else serves, from the same tokens as those of the gateway. */
export interface QuotaDesk {
  /** Answers by this configuration from now on; `prepared` by key of `QuotaPart.policies`. */
  serve(part: QuotaPart | undefined, prepared: ReadonlyMap<string, PreparedQuota>): void;
  /** Answers at once when the tokens are here, else as soon as the hub granted some or the wait is over. */
  ask(question: QuotaQuestion, asker: QuotaAsker): void;
}

const ADMITTED: QuotaAnswer = { outcome: 'admitted', fields: [] };
const UNREADY: QuotaAnswer = { outcome: 'unready' };

/** Expressions of a domain see descriptors only (the hub refuses others). */
const NO_REQUEST: CelRequestFacts = {
  id: '',
  method: '',
  scheme: '',
  host: '',
  path: '',
  query: '',
  fields: [],
  httpVersion: '1.1',
  source: { address: '', port: 0 },
  tls: undefined,
  wallMs: 0,
};

export interface QuotaDeskDeps {
  readonly gate: Pick<QuotaGate, 'decide' | 'wait' | 'charge'>;
  /**
   * Limits with a metric account what they admit: the key (what the counters say) is the principal, for nobody authenticated here, and the
   * policy stands in the place of the route.
   */
  readonly usage: UsageSink;
  readonly wallMs: () => number;
}

export function createQuotaDesk({ gate, usage, wallMs }: QuotaDeskDeps): QuotaDesk {
  const accountOf = (decision: Pick<QuotaDecision, 'state' | 'claims'>): void => {
    for (const { limit, metric, hits, key } of meteredHits(decision)) {
      const { policy } = limit;
      const namespace = policy.slice(0, policy.indexOf('/'));
      const fact = { namespace, principal: key, keyId: undefined, route: policy, metric };
      usage.count({ ...fact, amount: hits, wallMs: wallMs() });
    }
  };
  const account = (decision: QuotaDecision): QuotaAnswer => {
    accountOf(decision);
    return answerOf(decision);
  };
  let domains: ReadonlyMap<string, PreparedQuota> | undefined;
  return {
    serve(part, prepared) {
      domains = new Map(
        Object.entries(part?.domains ?? {}).flatMap(([domain, id]) => {
          const quota = prepared.get(id);
          return quota === undefined ? [] : [[domain, quota] as const];
        }),
      );
    },
    ask({ domain, descriptors, hits, charge }, asker) {
      if (domains === undefined) {
        asker.answered(UNREADY);
        return;
      }
      const quota = domains.get(domain);
      if (quota === undefined || hits === 0) {
        asker.answered(ADMITTED);
        return;
      }
      const context = new CelContext(NO_REQUEST, { descriptors });
      if (charge === true) {
        accountOf({ state: 'admitted', claims: gate.charge(quota, context, hits) });
        asker.answered(ADMITTED);
        return;
      }
      const decision = gate.decide(quota, context, undefined, hits);
      if (decision.state !== 'waiting') {
        asker.answered(account(decision));
        return;
      }
      gate.wait(decision, {
        get gone() {
          return asker.gone;
        },
        decided: (late) => asker.answered(account(late)),
      });
    },
  };
}

function answerOf({ state, fields, code, status, limit }: QuotaDecision): QuotaAnswer {
  return state === 'refused'
    ? { outcome: 'refused', fields, code, status, limit }
    : { outcome: 'admitted', fields };
}
