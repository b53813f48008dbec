import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { z } from 'zod';

/** Where the assertion of a service account is meant for, wherever it is sent. */
const AUDIENCE = 'https://oauth2.googleapis.com/token';
const SCOPES = [
  'https://www.googleapis.com/auth/ndev.clouddns.readwrite',
  'https://www.googleapis.com/auth/cloud-platform',
];
const MAX_LIFETIME_SECONDS = 3600;

export interface ServiceAccount {
  readonly type: 'service_account';
  readonly client_email: string;
  readonly private_key: string;
  readonly private_key_id: string;
  readonly project_id: string;
  readonly token_uri: string;
}

export type TokenAnswer =
  | {
      readonly status: 200;
      readonly body: { readonly access_token: string; readonly [key: string]: unknown };
    }
  | {
      readonly status: 400 | 401;
      readonly body: { readonly error: string; readonly error_description: string };
    };

/** Google's token endpoint: for the signed assertion of a service account, and for the token of a federated identity. */
export class TokenIssuer {
  private readonly key = generateKeyPairSync('rsa', { modulusLength: 2048 });
  private readonly email = 'portolan@example-project.iam.gserviceaccount.com';
  private readonly issued = new Set<string>();
  private revoked = false;
  /** What the identity provider of the federation vouches for. */
  readonly subjectToken: string = randomBytes(16).toString('hex');

  serviceAccount(tokenUri: string): ServiceAccount {
    return {
      type: 'service_account',
      client_email: this.email,
      private_key: this.key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      private_key_id: 'key-1',
      project_id: 'example-project',
      token_uri: tokenUri,
    };
  }

  /** A key that Google does not know any more. */
  revoke(): void {
    this.revoked = true;
    this.issued.clear();
  }

  accepts(authorization: string | undefined): boolean {
    const [, token = ''] = /^Bearer (\S+)$/.exec(authorization ?? '') ?? [];
    return this.issued.has(token);
  }

  /** RFC 7523, section 2.1. https://developers.google.com/identity/protocols/oauth2/service-account */
  exchangeAssertion(form: URLSearchParams, nowMs: number): TokenAnswer {
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return refused('unsupported_grant_type', 'Invalid grant_type');
    const why = this.faultOf(form.get('assertion') ?? '', nowMs / 1000);
    return why === undefined ? this.issue() : refused('invalid_grant', why);
  }

  /** RFC 8693. https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
  exchangeSubject(form: URLSearchParams): TokenAnswer {
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange')
      return refused('unsupported_grant_type', 'Invalid grant_type');
    if (this.revoked || form.get('subject_token') !== this.subjectToken)
      return refused('invalid_grant', 'The subject token is not valid.');
    if (!hasScope(form.get('scope') ?? '')) return refused('invalid_scope', 'No scope for Cloud DNS.');
    return this.issue();
  }

  private faultOf(assertion: string, now: number): string | undefined {
    const [header = '', payload = '', signature = '', ...more] = assertion.split('.');
    if (more.length > 0 || signature === '') return 'The assertion is no JWT.';
    const head = z
      .object({ alg: z.literal('RS256'), typ: z.literal('JWT').optional() })
      .safeParse(decoded(header));
    if (!head.success) return 'Invalid JWT: only RS256 is taken.';
    const key = createPublicKey(this.key.privateKey);
    const signed = verify(
      'sha256',
      Buffer.from(`${header}.${payload}`),
      key,
      Buffer.from(signature, 'base64url'),
    );
    if (this.revoked || !signed) return 'Invalid JWT Signature.';
    const claims = z
      .object({ iss: z.string(), aud: z.string(), scope: z.string(), iat: z.number(), exp: z.number() })
      .safeParse(decoded(payload));
    if (!claims.success) return 'Invalid JWT: iss, aud, scope, iat and exp are required.';
    const { iss, aud, scope, iat, exp } = claims.data;
    if (iss !== this.email) return 'Invalid grant: account not found';
    if (aud !== AUDIENCE) return 'Invalid JWT: the audience is not the token endpoint.';
    if (exp - iat > MAX_LIFETIME_SECONDS || exp < now || iat > now + 60)
      return 'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.';
    return hasScope(scope) ? undefined : 'No scope for Cloud DNS.';
  }

  private issue(): TokenAnswer {
    return { status: 200, body: this.issueNow() };
  }

  /** A token without any exchange. */
  issueNow(): { readonly access_token: string; readonly [key: string]: unknown } {
    const token = `ya29.${randomBytes(16).toString('hex')}`;
    this.issued.add(token);
    return {
      access_token: token,
      expires_in: 3599,
      token_type: 'Bearer',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    };
  }
}

function refused(error: string, description: string): TokenAnswer {
  return { status: 400, body: { error, error_description: description } };
}

function hasScope(scope: string): boolean {
  return scope.split(' ').some((one) => SCOPES.includes(one));
}

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return undefined;
  }
}
