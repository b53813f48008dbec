import type { AuthenticationMethod } from '../../src/policy/model.ts';
import type { KeyRecord, KeyTable } from '../keys/contract.ts';
import type { GatewayRequest } from '../request.ts';
import { type Attempt, FAILURES, type Method } from './attempt.ts';
import { basicCredentials, DOUBTFUL, type Found, findCredential } from './credentials.ts';

type ApiKey = Extract<AuthenticationMethod, { type: 'apiKey' }>;
type KeyPair = Extract<AuthenticationMethod, { type: 'keyPair' }>;

interface KeyRules {
  readonly rule: string;
  readonly keys: KeyTable;
  readonly maxStalenessSeconds: number;
}

/** An API key at one of the policy's places. Synchronous. */
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

/** An id and its key, in two places or as HTTP Basic. Synchronous. */
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
  { rule, keys, maxStalenessSeconds }: KeyRules,
  type: 'apiKey' | 'keyPair',
): (key: string, pairId: string | undefined, request: GatewayRequest) => Attempt {
  const labels = Object.entries(method.labels);
  const { namespaces } = method;
  const maxStaleMs = maxStalenessSeconds * 1_000;
  return (key, pairId, request) => {
    if (maxStaleMs > 0 && keys.staleMs() > maxStaleMs) return FAILURES.stale;
    const answer = keys.find(key, pairId, request.wallMs);
    switch (answer.type) {
      case 'unknown':
        return FAILURES.invalid;
      case 'revoked':
        return FAILURES.revoked;
      case 'expired':
        return FAILURES.expired;
      case 'known': {
        const { record } = answer;
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
      }
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
