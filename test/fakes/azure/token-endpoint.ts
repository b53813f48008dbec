import { randomBytes } from 'node:crypto';
import { z } from 'zod';

/** Microsoft Entra ID as far as a daemon needs it: discovery, and tokens for a client secret or a federated assertion. */
export interface TokenEndpoint {
  /** @returns status and body, or `undefined` when the path is none of its */
  answer(
    method: string,
    path: string,
    body: string,
    host: string,
  ): { status: number; body: unknown } | undefined;
  /** Whether a bearer token is one of ours, and still good. */
  valid(token: string): boolean;
  /** Another token, as the metadata service of a machine gives it to a managed identity. */
  issue(): string;
  revoke(): void;
}

export interface TokenOptions {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Content of the projected service account token that is accepted. */
  readonly assertion: string;
}

const form = z.object({
  grant_type: z.literal('client_credentials'),
  client_id: z.string(),
  scope: z.string().regex(/^https:\/\/\S+\/\.default( |$)/, 'a scope ends in /.default'),
  client_secret: z.string().optional(),
  client_assertion: z.string().optional(),
  client_assertion_type: z.literal('urn:ietf:params:oauth:client-assertion-type:jwt-bearer').optional(),
});

export function createTokenEndpoint({
  tenantId,
  clientId,
  clientSecret,
  assertion,
}: TokenOptions): TokenEndpoint {
  const tokens = new Set<string>();
  let revoked = false;
  const refused = (error: string, description: string) => ({
    status: error === 'invalid_client' ? 401 : 400,
    body: { error, error_description: description, error_codes: [7_000_215] },
  });
  const issue = (): string => {
    const token = randomBytes(24).toString('base64url');
    tokens.add(token);
    return token;
  };
  return {
    answer(method, path, body, host) {
      const base = `https://${host}/${tenantId}`;
      if (method === 'GET' && path === `/${tenantId}/v2.0/.well-known/openid-configuration`) {
        return {
          status: 200,
          body: {
            issuer: `${base}/v2.0`,
            token_endpoint: `${base}/oauth2/v2.0/token`,
            authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
            end_session_endpoint: `${base}/oauth2/v2.0/logout`,
            jwks_uri: `${base}/discovery/v2.0/keys`,
          },
        };
      }
      if (method !== 'POST' || path !== `/${tenantId}/oauth2/v2.0/token`) return undefined;
      const parsed = form.safeParse(Object.fromEntries(new URLSearchParams(body)));
      if (!parsed.success)
        return refused('invalid_request', `AADSTS900144: ${z.prettifyError(parsed.error)}`);
      const { data } = parsed;
      const proven = data.client_secret === clientSecret || data.client_assertion === assertion;
      if (revoked || data.client_id !== clientId || !proven) {
        return refused('invalid_client', 'AADSTS7000215: Invalid client secret provided.');
      }
      return {
        status: 200,
        body: { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: issue() },
      };
    },
    valid: (token) => !revoked && tokens.has(token),
    issue,
    revoke() {
      revoked = true;
      tokens.clear();
    },
  };
}
