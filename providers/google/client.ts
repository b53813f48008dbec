import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { DNS } from '@google-cloud/dns';
import { z } from 'zod';
import { deferred } from '../../src/async/deferred.ts';
import { ProviderError, type ProviderOptions } from '../contract.ts';
import { keepOwnCredentials } from '../own-credentials.ts';
import { type GoogleCredentials, parseCredentials } from './credentials.ts';
import { errorOfConnection, errorOfRefusal, errorOfToken, type Request, refusalOf } from './errors.ts';

/** Longer than the API ever takes; the deadline of a call is its signal. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Where the SDK sends the assertion of a service account, whatever `token_uri` of its key says. */
const SDK_TOKEN_URL = 'https://oauth2.googleapis.com/token';
export const GOOGLE_ENDPOINT = 'https://dns.googleapis.com';
/** Of the API and its private endpoints. */
const GOOGLE_HOSTS = /(^|\.)googleapis\.com$/;
/** A page of 1,000 sets of 100 records each is smaller; the body of a server that never ends is not read to its end. */
const MAX_ANSWER_OCTETS = 32 << 20;
const MAX_TOKEN_OCTETS = 1 << 20;

export interface Call extends Request {
  readonly method: 'GET' | 'POST';
  /** Below `/dns/v1/`, with each part escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * The Cloud DNS API v1 by the transport and the credentials of the official SDK. Its high-level objects are not used: they know no routing
 * policy and merge records of one name and type. Nothing is sent twice: with `autoRetry: false` the SDK's own requests still come again after
 * 429, 500 and broken connections, and a change that was applied would come back as 409. The hub decides what is tried again.
 */
export interface GoogleClient {
  /** @throws ProviderError */
  call<T>(call: Call, answer: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** Whether there is an access token to be had. @throws ProviderError */
  authorise(signal: AbortSignal): Promise<void>;
  close(): void;
}

type CredentialSource = Extract<GoogleCredentials, { type: 'external_account' }>['credential_source'];
/** A token read from a file or a URL, as the SDK's types have it. */
interface SdkSource {
  file?: string;
  url?: string;
  headers?: Record<string, string>;
  format?: { type: 'json' | 'text'; subject_token_field_name?: string };
}
type AuthClient = Awaited<ReturnType<DNS['authClient']['getClient']>>;

/** @throws ProviderError `denied`, PortolanError ADDRESS_FORBIDDEN */
export async function openClient(options: ProviderOptions): Promise<GoogleClient> {
  const { spec, guard, secret, clock } = options;
  const google = spec.google;
  if (google === undefined) throw new ProviderError('unsupported', 'spec.google is missing');
  const endpoint = new URL(google.endpoint ?? GOOGLE_ENDPOINT);
  guard.check(endpoint.hostname);
  const credentials = credentialsOf(google.secret, secret, options);
  if (isOwn(credentials)) keepOwnCredentials('spec.google.endpoint', google.endpoint, GOOGLE_HOSTS);

  const { DNS } = await import('@google-cloud/dns');
  const sdk = new DNS({ projectId: google.project });
  const api = new Sockets(guard.lookup, options.ca === undefined ? undefined : [options.ca]);
  // Tokens may come from Google although the endpoint has an authority of its own.
  const tokens = new Sockets(
    guard.lookup,
    options.ca === undefined ? undefined : [...rootCertificates, options.ca],
  );

  let opened: Promise<AuthClient> | undefined;
  function authClient(): Promise<AuthClient> {
    opened ??= prepare();
    return opened;
  }
  async function prepare(): Promise<AuthClient> {
    // Application default credentials are the operator's, so the guard for what users write does not stand in their way.
    if (credentials === undefined) return sdk.authClient.getClient();
    const client = sdk.authClient.fromJSON(sdkCredentials(credentials), {
      transporterOptions: {
        agent: tokens.agent,
        redirect: 'error',
        timeout: REQUEST_TIMEOUT_MS,
        maxContentLength: MAX_TOKEN_OCTETS,
      },
    });
    if (credentials.type === 'external_account') exchangeByOurSockets(client);
    const tokenUrl = credentials.type === 'service_account' ? credentials.token_uri : undefined;
    client.transporter.interceptors.request.add({
      resolved: (request) => {
        if (tokenUrl !== undefined && request.url.href === SDK_TOKEN_URL) request.url = new URL(tokenUrl);
        request.retryConfig = { retry: 0, noResponseRetries: 0 };
        return Promise.resolve(request);
      },
    });
    return client;
  }

  async function authorise(signal: AbortSignal): Promise<AuthClient> {
    signal.throwIfAborted();
    try {
      const client = await authClient();
      await abortable(client.getAccessToken(), signal);
      return client;
    } catch (error) {
      signal.throwIfAborted();
      opened = undefined;
      throw errorOfToken(causeOf(error), statusOf(error));
    }
  }

  return {
    async authorise(signal) {
      await authorise(signal);
    },
    async call(call, answer, signal) {
      await options.turn(call.action, signal);
      const client = await authorise(signal);
      const url = new URL(endpoint);
      // Not by resolving a path: one that begins with two slashes names another host.
      url.pathname = `${endpoint.pathname.replace(/\/$/, '')}/dns/v1/${call.path}`;
      for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, value);
      const response = await client
        .request<unknown>({
          url,
          method: call.method,
          ...(call.body === undefined ? {} : { data: call.body }),
          agent: api.agent,
          responseType: 'json',
          redirect: 'error',
          timeout: REQUEST_TIMEOUT_MS,
          maxContentLength: MAX_ANSWER_OCTETS,
          retry: false,
          validateStatus: () => true,
          signal,
        })
        .catch((error: unknown) => {
          // A read that was given up is nobody's fault; of a write nobody knows what became of it.
          if (!call.writes) signal.throwIfAborted();
          throw errorOfConnection(call, causeOf(error));
        });
      // The next request asks for another token: this one may be all that is wrong.
      if (response.status === 401) opened = undefined;
      if (response.status < 200 || response.status > 299)
        throw errorOfRefusal(
          call,
          refusalOf(response.status, response.data),
          response.headers.get('retry-after'),
          clock.wallMs(),
        );
      const parsed = answer.safeParse(response.data);
      if (parsed.success) return parsed.data;
      throw new ProviderError(
        call.writes ? 'ambiguous' : 'transient',
        `Google Cloud DNS answered ${call.action} with something else than the API promises: ${z.prettifyError(parsed.error)}`,
      );
    },
    close() {
      api.close();
      tokens.close();
    },
  };
}

/** As the SDK's types have it. */
function sdkCredentials(credentials: GoogleCredentials): Parameters<DNS['authClient']['fromJSON']>[0] {
  const { universe_domain, ...rest } = credentials;
  const universe = universe_domain === undefined ? {} : { universe_domain };
  if (rest.type === 'service_account') {
    const { type, client_email, private_key } = rest;
    return { type, client_email, private_key, ...universe };
  }
  const { type, audience, subject_token_type, token_url, credential_source } = rest;
  const impersonation = rest.service_account_impersonation_url;
  return {
    type,
    audience,
    subject_token_type,
    token_url,
    credential_source: sdkSource(credential_source),
    ...universe,
    ...(impersonation === undefined ? {} : { service_account_impersonation_url: impersonation }),
  };
}

function sdkSource({ format, ...source }: CredentialSource): SdkSource {
  const read = format === undefined ? {} : { format };
  if ('file' in source) return { file: source.file, ...read };
  const { url, headers } = source;
  return { url, ...read, ...(headers === undefined ? {} : { headers }) };
}

function credentialsOf(
  name: string | undefined,
  secret: ProviderOptions['secret'],
  { guard }: ProviderOptions,
): GoogleCredentials | undefined {
  if (name === undefined) return undefined;
  const text = secret['credentials.json'];
  if (text === undefined)
    throw new ProviderError('denied', `Secret ${name} has no credentials.json`, {
      fix: `Write the key file of a service account into it, under the key credentials.json.`,
    });
  return parseCredentials(text, guard);
}

/** A token of the hub's environment, not of the Secret alone. */
function isOwn(credentials: GoogleCredentials | undefined): boolean {
  return (
    credentials === undefined ||
    (credentials.type === 'external_account' && 'file' in credentials.credential_source)
  );
}

/** The SDK asks the token service of a federation by a transport of its own that no option reaches: it must not lead where ours may not (I32). */
function exchangeByOurSockets(client: AuthClient): void {
  const exchange: unknown = Reflect.get(client, 'stsCredential');
  if (typeof exchange !== 'object' || exchange === null || !('transporter' in exchange))
    throw new ProviderError('unsupported', 'the SDK exchanges tokens in a way that is not guarded');
  exchange.transporter = client.transporter;
}

/** Connections that resolve names once and refuse forbidden addresses (I32). */
class Sockets {
  private readonly plain: HttpAgent;
  private readonly tls: HttpsAgent;

  constructor(lookup: ProviderOptions['guard']['lookup'], ca: readonly string[] | undefined) {
    this.plain = new HttpAgent({ lookup, keepAlive: true });
    this.tls = new HttpsAgent({ lookup, keepAlive: true, ...(ca === undefined ? {} : { ca: [...ca] }) });
  }

  readonly agent = (url: URL): HttpAgent => (url.protocol === 'http:' ? this.plain : this.tls);

  close(): void {
    this.plain.destroy();
    this.tls.destroy();
  }
}

/** The error below the SDK's own, which holds the whole request with its headers. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.cause === undefined) return bare(error);
  return error.cause instanceof Error ? error.cause : bare(error);
}

function bare(error: unknown): Error {
  return new Error(error instanceof Error ? error.message : String(error));
}

function statusOf(error: unknown): number | undefined {
  const shape = z.object({ response: z.object({ status: z.number() }) }).safeParse(error);
  return shape.success ? shape.data.response.status : undefined;
}

/** The SDK's token requests take no signal. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = deferred<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
