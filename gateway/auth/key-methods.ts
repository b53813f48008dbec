import type { AuthenticationMethod } from '../../src/policy/model.ts';
import type { DecisionQuestion } from '../decisions/contract.ts';
import {
  type FoundKey,
  type KeyRecord,
  type KeySearch,
  type KeyTable,
  SEARCH_BUSY,
} from '../keys/contract.ts';
import type { GatewayRequest } from '../request.ts';
import type { Asking } from './asking.ts';
import { type Attempt, FAILURES, type Method } from './attempt.ts';
import { NOBODY, type Principal } from './contract.ts';
import { basicCredentials, DOUBTFUL, type Found, findCredential } from './credentials.ts';
import type { FailureBudget } from './failure-budget.ts';

type ApiKey = Extract<AuthenticationMethod, { type: 'apiKey' }>;
type KeyPair = Extract<AuthenticationMethod, { type: 'keyPair' }>;

interface KeyRules {
  readonly rule: string;
  readonly keys: KeyTable;
  readonly maxStalenessSeconds: number;
  /** Where the hub's answers about keys that the table does not have are remembered. */
  readonly asking: Pick<Asking, 'decisions' | 'caching'>;
  /** How many wrong keys one source may have the hub asked for. */
  readonly budget: FailureBudget;
}

/** Heard from the hub within this time, the table has all keys there are: what it does not know need not be asked for. */
const COMPLETE_MS = 15_000;

/** The same for every rule: what the hub says of a key depends on no policy. */
const QUESTION: DecisionQuestion<KeyQuestion, FoundKey> = {
  ask: ({ search, digest }) => search.ask(digest),
  denied: ({ type }) => type !== 'known',
  expiresAtMs: (found) => (found.type === 'known' && found.expiresAtMs > 0 ? found.expiresAtMs : undefined),
};

interface KeyQuestion {
  readonly search: KeySearch;
  readonly digest: string;
}

/** An API key at one of the policy's places. Synchronous, but where the hub is asked for a key. */
export function apiKeyMethod(method: ApiKey, rules: KeyRules): Method {
  const judge = keyJudge(method, rules, 'apiKey');
  return {
    attempt(request) {
      const key = findCredential(method.credentials, request);
      if (key === undefined) return FAILURES.missing;
      return key === DOUBTFUL ? FAILURES.doubtful : judge(key, undefined, request);
    },
  };
}

/** An id and its key, in two places or as HTTP Basic. Synchronous, but where the hub is asked for a key. */
export function keyPairMethod(method: KeyPair, rules: KeyRules): Method {
  const judge = keyJudge(method, rules, 'keyPair');
  const idAt = [method.id];
  const keyAt = [method.key];
  return {
    attempt(request) {
      let id: Found = findCredential(idAt, request);
      let key: Found = findCredential(keyAt, request);
      const basic = method.basic ? basicCredentials(request.fields) : undefined;
      if (basic !== undefined) {
        // Both kinds at once may name two callers.
        if (basic === DOUBTFUL || id !== undefined || key !== undefined) return FAILURES.doubtful;
        id = basic.id;
        key = basic.key;
      }
      if (id === DOUBTFUL || key === DOUBTFUL) return FAILURES.doubtful;
      if (id === undefined && key === undefined) return FAILURES.missing;
      // One half is not "nothing was shown".
      if (id === undefined || key === undefined) return FAILURES.invalid;
      return judge(key, id, request);
    },
  };
}

function keyJudge(
  method: ApiKey | KeyPair,
  { rule, keys, maxStalenessSeconds, asking, budget }: KeyRules,
  type: 'apiKey' | 'keyPair',
): (key: string, pairId: string | undefined, request: GatewayRequest) => Attempt | Promise<Attempt> {
  const labels = Object.entries(method.labels);
  const { namespaces } = method;
  const maxStaleMs = maxStalenessSeconds * 1_000;
  const { search } = keys;
  const { mode } = asking.caching;
  // What passes without an answer is said below: not all that fails is the hub's absence.
  const caching = { ...asking.caching, mode: mode === 'allow' ? ('resilient' as const) : mode };
  const unknownPasses: Principal = { ...NOBODY, rule, method: type };

  // Requests of one caller come in rows; the table gives the same record while nothing of the key changes.
  let last: KeyRecord | undefined;
  let lastAttempt: Attempt = FAILURES.invalid;
  const knownAs = (record: KeyRecord): Attempt => {
    if (record !== last) {
      lastAttempt = attemptOf(record);
      last = record;
    }
    return lastAttempt;
  };

  const attemptOf = (record: KeyRecord): Attempt => {
    // A key of elsewhere is told apart from an unknown one by nobody.
    if (!namespaces.includes(record.namespace) || !hasLabels(record, labels)) return FAILURES.invalid;
    return {
      name: record.principal,
      rule,
      method: type,
      roles: record.roles,
      scopes: NO_SCOPES,
      keyId: record.id,
      ...(record.plan === undefined ? undefined : { plan: record.plan }),
      identity: {
        namespace: record.namespace,
        labels: record.labels,
        attributes: record.attributes,
      },
    };
  };

  const foundAs = (found: FoundKey | undefined, request: GatewayRequest): Attempt => {
    if (found === undefined) return FAILURES.invalid;
    if (found.type === 'revoked') return FAILURES.revoked;
    if (found.type === 'unknown') return FAILURES.invalid;
    if (found.expiresAtMs > 0 && request.wallMs >= found.expiresAtMs) return FAILURES.expired;
    return knownAs(found.record);
  };

  /** A change that brings the key may be on its way. */
  const sought = (
    key: string,
    pairId: string | undefined,
    request: GatewayRequest,
  ): Attempt | Promise<Attempt> => {
    if (search === undefined || keys.staleMs() <= COMPLETE_MS) return FAILURES.invalid;
    const digest = keys.hubDigest?.(key, pairId);
    if (digest === undefined) return FAILURES.invalid;
    const { address } = request.source;
    if (!budget.mayTry(address)) return FAILURES.throttled;
    const answer = asking.decisions.decide(`key ${digest}`, caching, QUESTION, { search, digest });
    if (!(answer instanceof Promise)) return foundAs(answer, request);
    return answer.then(
      (found) => {
        const attempt = foundAs(found, request);
        if ('failed' in attempt) budget.failed(address);
        return attempt;
      },
      (reason: unknown) => {
        // Who sends many wrong keys must not pass by that.
        if (reason === SEARCH_BUSY) budget.failed(address);
        else if (mode === 'allow') return unknownPasses;
        // The table is what is known.
        return FAILURES.invalid;
      },
    );
  };

  return (key, pairId, request) => {
    if (maxStaleMs > 0 && keys.staleMs() > maxStaleMs) return FAILURES.stale;
    const answer = keys.find(key, pairId, request.wallMs);
    switch (answer.type) {
      case 'unknown':
        return sought(key, pairId, request);
      case 'revoked':
        return FAILURES.revoked;
      case 'expired':
        return FAILURES.expired;
      case 'known':
        return knownAs(answer.record);
    }
  };
}

const NO_SCOPES: readonly string[] = [];

function hasLabels(record: KeyRecord, labels: readonly (readonly [string, string])[]): boolean {
  for (const [name, value] of labels) {
    if (!Object.hasOwn(record.labels, name) || record.labels[name] !== value) return false;
  }
  return true;
}
