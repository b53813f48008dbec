import type { ErrorCode } from '../../src/errors/table.ts';
import { CelContext, type CelPrincipalFacts, type CelRequestFacts } from '../../src/policy/cel-context.ts';
import type { QuotaDecision, QuotaGate } from '../quota/contract.ts';
import type { PreparedQuota } from '../quota/limits.ts';
import type { UsageSink } from '../usage/contract.ts';
import { meteredHits } from './metered-hits.ts';

/** What limits look at of a request that somebody else serves. */
export interface LimitedRequest {
  /** Key of `QuotaPart.policies`. */
  readonly policy: string;
  readonly request: CelRequestFacts;
  readonly principal: CelPrincipalFacts;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly route: { readonly name: string; readonly namespace: string; readonly rule: string };
  readonly port: number;
}

/** `fields` are for the client's answer, names in lower case. */
export interface LimitVerdict {
  readonly admitted: boolean;
  readonly code: ErrorCode | '';
  readonly status: number;
  readonly limit: string;
  readonly fields: readonly string[];
}

/** The limits of the gateway for requests that do not pass through it. Synchronous when the tokens are here; never rejects. */
export type AskedLimits = (asked: LimitedRequest) => LimitVerdict | Promise<LimitVerdict>;

/** Whether a limit admits it cannot be known. */
export const UNKNOWN_LIMIT: LimitVerdict = {
  admitted: false,
  code: 'QUOTA_UNAVAILABLE',
  status: 503,
  limit: '',
  fields: ['retry-after', '1'],
};

/**
 * Asks a thread's own gate. What answers cost is not known to who serves elsewhere: the estimate stands, for accounts too.
 * @param policies those of the newest configuration
 */
export function createAskedLimits(
  gate: Pick<QuotaGate, 'decide' | 'wait'>,
  policies: () => ReadonlyMap<string, PreparedQuota>,
  country: (address: string) => string | undefined,
  usage: UsageSink,
): AskedLimits {
  const account = ({ principal, route, request }: LimitedRequest, decision: QuotaDecision): LimitVerdict => {
    for (const { metric, hits } of meteredHits(decision))
      usage.count({
        namespace: route.namespace,
        principal: principal.name,
        keyId: principal.keyId,
        route: `${route.namespace}/${route.name}`,
        metric,
        amount: hits,
        wallMs: request.wallMs,
      });
    return verdictOf(decision);
  };
  return (asked) => {
    const { policy, request, principal, metadata, route, port } = asked;
    const quota = policies().get(policy);
    // Never open because something is missing.
    if (quota === undefined) return UNKNOWN_LIMIT;
    const context = new CelContext(request, { route, port, countryOf: country });
    context.authenticated(principal, metadata);
    const decision = gate.decide(quota, context, principal.plan);
    if (decision.state !== 'waiting') return account(asked, decision);
    return new Promise((resolve) => {
      gate.wait(decision, { gone: false, decided: (late) => resolve(account(asked, late)) });
    });
  };
}

function verdictOf({ state, code, status, limit, fields }: QuotaDecision): LimitVerdict {
  return { admitted: state === 'admitted', code, status, limit, fields };
}
