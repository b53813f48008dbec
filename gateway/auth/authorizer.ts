import { messageOf } from '../../src/errors/error.ts';
import { CelContext, type CelSurroundings } from '../../src/policy/cel-context.ts';
import type { CompiledAuth, GatewaySecrets } from '../../src/policy/model.ts';
import { createDecisionCache } from '../decisions/cache.ts';
import type { DecisionCache } from '../decisions/contract.ts';
import type { KeyTable } from '../keys/contract.ts';
import type { OutboundClient } from '../outbound/client.ts';
import type { GatewayRequest } from '../request.ts';
import type { AuthDenied, Authorizer, RequestPlace } from './contract.ts';
import { decide } from './decide.ts';
import { refusal } from './denial.ts';
import { FAILURE_BUDGET, type FailureBudgetLimits, failureBudget } from './failure-budget.ts';
import { JWKS_LIMITS, type JwksLimits } from './jwks.ts';
import { keySources } from './key-sources.ts';
import { type Plan, planOf } from './plan.ts';
import type { ServiceAccount } from './service-account.ts';
import { verifiedMemories } from './verified-tokens.ts';

export interface AuthorizerDeps {
  readonly keys: KeyTable;
  /** Of the configuration that is served now; the same object until it changes. */
  readonly secrets: () => GatewaySecrets;
  readonly outbound: OutboundClient;
  readonly wallMs: () => number;
  /** Milliseconds that never go back. */
  readonly monotonicMs: () => number;
  readonly log: { warn(details: object, message: string): void };
  /** Where decisions of others are remembered; default: a memory of its own with 100,000 entries. */
  readonly decisions?: DecisionCache;
  /** ISO country of an address, for CEL. */
  readonly country?: (address: string) => string | undefined;
  /** Default: none, so that policies must name their API servers. */
  readonly serviceAccount?: ServiceAccount;
  readonly jwks?: Partial<JwksLimits>;
  readonly failures?: Partial<FailureBudgetLimits>;
}

export interface PolicyAuthorizer extends Authorizer {
  /** Rules of a policy that cannot be used here, and why: a secret that did not come, an expression that does not parse. */
  problems(auth: CompiledAuth): readonly string[];
}

const MAX_DECISIONS = 100_000;
/** Rules with tokens or certificates, and how many of them each remembers. */
const MAX_RULES = 256;
const MAX_VERIFIED = 10_000;

/**
 * The one engine that decides who may pass: in the gateway, in services and for other proxies. Policies are made ready when first met and
 * kept as long as their compiled form lives. A policy of API keys, CEL and headers is decided without a promise.
 */
export function createAuthorizer(deps: AuthorizerDeps): PolicyAuthorizer {
  const { wallMs, monotonicMs, log, country } = deps;
  const decisions = deps.decisions ?? createDecisionCache({ wallMs, monotonicMs, maxEntries: MAX_DECISIONS });
  const sources = keySources({
    client: deps.outbound,
    limits: { ...JWKS_LIMITS, ...deps.jwks },
    monotonicMs,
    log,
  });
  const budget = failureBudget(monotonicMs, { ...FAILURE_BUDGET, ...deps.failures });
  const memories = verifiedMemories({ maxRules: MAX_RULES, maxEntries: MAX_VERIFIED });
  const serviceAccount = deps.serviceAccount ?? NOT_IN_A_CLUSTER;
  const plans = new WeakMap<CompiledAuth, Plan>();
  const surroundings = new WeakMap<RequestPlace, CelSurroundings>();
  const nowhere: CelSurroundings = country === undefined ? {} : { countryOf: country };

  function planFor(auth: CompiledAuth): Plan {
    const secrets = deps.secrets();
    const known = plans.get(auth);
    if (known !== undefined && known.secrets === secrets) return known;
    const plan = planOf(auth, {
      keys: deps.keys,
      secrets,
      client: deps.outbound,
      decisions,
      keySources: sources,
      budget,
      memories,
      serviceAccount,
    });
    if (plan.problems.length > 0) {
      const policies = auth.source.map((source) => source.name);
      log.warn({ policies, problems: plan.problems }, 'rules of a policy cannot be used here');
    }
    plans.set(auth, plan);
    return plan;
  }

  function surroundingsOf(place: RequestPlace | undefined): CelSurroundings {
    if (place === undefined) return nowhere;
    if (country === undefined) return place;
    let known = surroundings.get(place);
    if (known === undefined) {
      known = { ...place, countryOf: country };
      surroundings.set(place, known);
    }
    return known;
  }

  const failed = (request: GatewayRequest, error: unknown): AuthDenied => {
    log.warn({ request: request.id, reason: messageOf(error) }, 'a decision broke off');
    return refusal(request, 'AUTH_UNAVAILABLE');
  };

  return {
    decide(auth, request, place) {
      try {
        const plan = planFor(auth);
        const context = new CelContext(request, surroundingsOf(place));
        const decision = decide({ plan, request, context });
        return decision instanceof Promise
          ? decision.catch((error: unknown) => failed(request, error))
          : decision;
      } catch (error) {
        return failed(request, error);
      }
    },
    problems: (auth) => planFor(auth).problems,
  };
}

const NOT_IN_A_CLUSTER: ServiceAccount = {
  read: () => Promise.reject(new Error('this is not a pod: the policy must name the API server')),
};
