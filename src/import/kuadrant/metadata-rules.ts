import type { AuthContext } from './authentication.ts';
import { compact } from './documents.ts';
import type { Field } from './ledger.ts';
import { valueExpression } from './patterns.ts';
import { ourName } from './rate-limit-policy.ts';

/** One rule of `metadata`. Undefined, and told: `auth.metadata.<name>` is missing, so that expressions over it fail, which is the safe side. */
export function metadataRule(
  rule: Field,
  context: AuthContext,
): Readonly<Record<string, unknown>> | undefined {
  const when = rule.get('when') === undefined ? [] : context.patterns.list(rule.get('when'));
  const from = userInfo(rule.get('userInfo')) ?? http(rule.get('http'), context);
  if (from === undefined || when === undefined) {
    rule.leaveOut('nothing is fetched');
    return undefined;
  }
  const cache = rule.get('cache');
  const key = cache?.get('key');
  const keyText = key === undefined ? undefined : valueExpression(key, context.patterns.attributes);
  const seconds = cache?.get('ttl')?.value;
  cache?.exact('ttl');
  const priority = rule.get('priority')?.value;
  rule.exact('priority');
  rule.get('metrics')?.tell('exact', 'every rule has metrics');
  return {
    ...(typeof priority === 'number' && priority > 0 ? { priority } : {}),
    ...from,
    ...compact({
      when,
      cache:
        keyText === undefined
          ? undefined
          : { key: keyText, ...(typeof seconds === 'number' ? { seconds } : {}) },
    }),
    // A failed call leaves nothing there.
    onFailure: 'null',
  };
}

function userInfo(from: Field | undefined): Readonly<Record<string, unknown>> | undefined {
  const identity = from?.text('identitySource');
  if (from === undefined || identity === undefined) return undefined;
  from.exact('identitySource', 'userInfoUrl');
  return { userInfo: compact({ identity: ourName(identity), url: from.text('userInfoUrl') }) };
}

function http(
  from: Field | undefined,
  { patterns }: AuthContext,
): Readonly<Record<string, unknown>> | undefined {
  if (from === undefined) return undefined;
  const method = from.text('method') ?? 'GET';
  const url = from.text('url');
  const body = from.get('body');
  const urlExpression = from.get('urlExpression');
  const secrets = ['oauth2', 'sharedSecretRef', 'bodyParameters'].filter(
    (key) => from.get(key) !== undefined,
  );
  const headers = literalHeaders(from.get('headers'));
  const bodyText = body === undefined ? undefined : valueExpression(body, patterns.attributes);
  if (
    !['GET', 'POST'].includes(method) ||
    secrets.length > 0 ||
    headers === undefined ||
    (body !== undefined && bodyText === undefined) ||
    urlExpression !== undefined ||
    url === undefined ||
    url.includes('{')
  ) {
    from.tell(
      'unsupported',
      'ours is GET or POST to a fixed URL with fixed headers: no placeholders in the URL, no shared secret, no OAuth2 client',
    );
    return undefined;
  }
  from.exact('method', 'url');
  from.get('credentials')?.tell('exact', 'it is of no effect without a shared secret');
  from
    .get('contentType')
    ?.tell(
      body === undefined || from.text('contentType') === 'application/json' ? 'exact' : 'approximate',
      body === undefined ? undefined : 'bodies are sent as JSON',
    );
  return { http: compact({ method, url, headers, body: bodyText }) };
}

/** Undefined, and told: one of them is computed. */
export function literalHeaders(headers: Field | undefined): Readonly<Record<string, string>> | undefined {
  const made: Record<string, string> = {};
  for (const [name, header] of headers?.entries() ?? []) {
    const value = header.get('value')?.value;
    if (typeof value !== 'string') {
      header.tell('unsupported', 'headers have fixed values here');
      return undefined;
    }
    header.tell('exact');
    made[name.toLowerCase()] = value;
  }
  return made;
}
