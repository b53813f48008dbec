import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { Readable, Transform } from 'node:stream';
import type {
  ChangeResourceRecordSetsCommandInput,
  ChangeResourceRecordSetsCommandOutput,
  ChangeTagsForResourceCommandInput,
  CreateHealthCheckCommandInput,
  CreateHealthCheckCommandOutput,
  GetChangeCommandOutput,
  GetHostedZoneCommandOutput,
  ListHealthChecksCommandOutput,
  ListHostedZonesCommandOutput,
  ListResourceRecordSetsCommandInput,
  ListResourceRecordSetsCommandOutput,
  ListTagsForResourcesCommandOutput,
} from '@aws-sdk/client-route-53';
import { type Batch, ProviderError, type ProviderOptions } from '../contract.ts';
import { providerErrorOf } from './errors.ts';

/**
 * The API actions that are used, one request each: no retries, no pages, every error a ProviderError. Each waits for its turn, so that an account's
 * five requests per second are shared by everything the hub does there.
 */
export interface Route53Api {
  listHostedZones(marker: string | undefined, signal: AbortSignal): Promise<ListHostedZonesCommandOutput>;
  getHostedZone(id: string, signal: AbortSignal): Promise<GetHostedZoneCommandOutput>;
  listRecordSets(
    input: ListResourceRecordSetsCommandInput,
    signal: AbortSignal,
  ): Promise<ListResourceRecordSetsCommandOutput>;
  /** @param batch to name what was refused */
  changeRecordSets(
    input: ChangeResourceRecordSetsCommandInput,
    batch: Batch,
    signal: AbortSignal,
  ): Promise<ChangeResourceRecordSetsCommandOutput>;
  getChange(id: string, signal: AbortSignal): Promise<GetChangeCommandOutput>;
  listHealthChecks(marker: string | undefined, signal: AbortSignal): Promise<ListHealthChecksCommandOutput>;
  createHealthCheck(
    input: CreateHealthCheckCommandInput,
    signal: AbortSignal,
  ): Promise<CreateHealthCheckCommandOutput>;
  deleteHealthCheck(id: string, signal: AbortSignal): Promise<void>;
  tagHealthCheck(input: ChangeTagsForResourceCommandInput, signal: AbortSignal): Promise<void>;
  listTags(
    ids: readonly [string, ...string[]],
    signal: AbortSignal,
  ): Promise<ListTagsForResourcesCommandOutput>;
  close(): void;
}

/** ListHostedZones, ListHealthChecks: "If you don't specify a value, Route 53 lists up to 100". */
const PAGE = 100;
const CONNECT_TIMEOUT_MS = 10_000;
/** Longer than Route 53 ever takes for a batch of 1000 records; then the answer counts as lost. */
const REQUEST_TIMEOUT_MS = 60_000;
/** A page of 300 sets of 400 values each is smaller; the body of a server that never ends is not read to its end. */
const MAX_ANSWER_OCTETS = 32 << 20;

/** @throws ProviderError `denied` when the Secret lacks a key, or the guard refuses the endpoint */
export async function openApi(options: ProviderOptions): Promise<Route53Api> {
  const spec = options.spec.route53;
  if (spec === undefined) throw new ProviderError('unsupported', `${options.name} is no Route 53 account`);
  const endpoint = spec.endpoint;
  if (endpoint !== undefined) checkHost(endpoint, options);
  const ca = options.ca === undefined ? {} : { ca: options.ca };
  // I32: a socket resolves its host once, by the guard.
  const agent = { keepAlive: true, maxSockets: 8, lookup: options.guard.lookup };
  const requestHandler = handlerOf(agent, { ...agent, ...ca });
  // The token service has certificates of its own.
  const tokenHandler = handlerOf(agent, agent);
  const [sdk, credentials] = await Promise.all([
    import('@aws-sdk/client-route-53'),
    credentialsOf(options, spec, tokenHandler),
  ]);
  const client = new sdk.Route53Client({
    region: spec.region,
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials,
    requestHandler,
    // The hub owns retries: it knows the budget of the account, and what is newer by then.
    maxAttempts: 1,
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { response } = result;
      if (typeof response === 'object' && response !== null && 'body' in response)
        response.body = bounded(response.body);
      return result;
    },
    // The nearest to the socket: before anything is read of the body.
    { step: 'deserialize', priority: 'low', name: 'portolanBound' },
  );

  async function call<Output>(
    action: string,
    signal: AbortSignal,
    send: (options: { readonly abortSignal: AbortSignal }) => Promise<Output>,
    context: { readonly changes: boolean; readonly batch?: Batch } = { changes: false },
  ): Promise<Output> {
    await options.turn(action, signal);
    signal.throwIfAborted();
    try {
      return await send({ abortSignal: signal });
    } catch (thrown) {
      // Nothing is open about a request that only reads: whoever stopped it knows why.
      if (signal.aborted && !context.changes) throw signal.reason;
      throw providerErrorOf(thrown, { action, ...context });
    }
  }

  return {
    listHostedZones: (Marker, signal) =>
      call('ListHostedZones', signal, (o) =>
        client.send(new sdk.ListHostedZonesCommand({ Marker, MaxItems: PAGE }), o),
      ),
    getHostedZone: (Id, signal) =>
      call('GetHostedZone', signal, (o) => client.send(new sdk.GetHostedZoneCommand({ Id }), o)),
    listRecordSets: (input, signal) =>
      call('ListResourceRecordSets', signal, (o) =>
        client.send(new sdk.ListResourceRecordSetsCommand(input), o),
      ),
    changeRecordSets: (input, batch, signal) =>
      call(
        'ChangeResourceRecordSets',
        signal,
        (o) => client.send(new sdk.ChangeResourceRecordSetsCommand(input), o),
        { changes: true, batch },
      ),
    getChange: (Id, signal) =>
      call('GetChange', signal, (o) => client.send(new sdk.GetChangeCommand({ Id }), o)),
    listHealthChecks: (Marker, signal) =>
      call('ListHealthChecks', signal, (o) =>
        client.send(new sdk.ListHealthChecksCommand({ Marker, MaxItems: PAGE }), o),
      ),
    createHealthCheck: (input, signal) =>
      call('CreateHealthCheck', signal, (o) => client.send(new sdk.CreateHealthCheckCommand(input), o), {
        changes: true,
      }),
    deleteHealthCheck: async (HealthCheckId, signal) => {
      await call(
        'DeleteHealthCheck',
        signal,
        (o) => client.send(new sdk.DeleteHealthCheckCommand({ HealthCheckId }), o),
        { changes: true },
      );
    },
    tagHealthCheck: async (input, signal) => {
      await call(
        'ChangeTagsForResource',
        signal,
        (o) => client.send(new sdk.ChangeTagsForResourceCommand(input), o),
        { changes: true },
      );
    },
    listTags: (ids, signal) =>
      call('ListTagsForResources', signal, (o) =>
        client.send(
          new sdk.ListTagsForResourcesCommand({ ResourceType: 'healthcheck', ResourceIds: [...ids] }),
          o,
        ),
      ),
    close() {
      client.destroy();
      for (const { httpAgent, httpsAgent } of [requestHandler, tokenHandler]) {
        httpAgent.destroy();
        httpsAgent.destroy();
      }
    },
  };
}

/** The body, and an error once it is longer than an answer ever is. */
function bounded(body: unknown): unknown {
  if (!(body instanceof Readable)) return body;
  let octets = 0;
  const limit = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      octets += chunk.length;
      if (octets <= MAX_ANSWER_OCTETS) return done(null, chunk);
      const error = new Error(`the answer has more than ${MAX_ANSWER_OCTETS} octets`);
      body.destroy(error);
      return done(error);
    },
  });
  body.on('error', (error) => limit.destroy(error));
  return body.pipe(limit);
}

function handlerOf(http: AgentOptions, https: AgentOptions) {
  return {
    httpAgent: new HttpAgent(http),
    httpsAgent: new HttpsAgent(https),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
  };
}

/** Sockets do not look up a host that is an address already. */
function checkHost(url: string, options: ProviderOptions): void {
  try {
    options.guard.check(new URL(url).hostname);
  } catch (thrown) {
    throw providerErrorOf(thrown, { action: 'connect', changes: false });
  }
}

type Route53Spec = NonNullable<ProviderOptions['spec']['route53']>;

/** The Secret's keys, else the chain of the SDK: environment, web identity (IRSA), container, instance. Then the role, if one is to be assumed. */
async function credentialsOf(
  options: ProviderOptions,
  spec: Route53Spec,
  requestHandler: ReturnType<typeof handlerOf>,
) {
  const providers = await import('@aws-sdk/credential-providers');
  const clientConfig = { region: spec.region, maxAttempts: 1, requestHandler };
  const own = spec.secret === undefined ? undefined : keysOf(options.secret, spec.secret);
  const base = own ?? providers.fromNodeProviderChain({ clientConfig });
  if (spec.assumeRole === undefined) return base;
  return providers.fromTemporaryCredentials({
    masterCredentials: base,
    params: {
      RoleArn: spec.assumeRole.roleArn,
      // Shows in CloudTrail who it was; 2 to 64 of [\w+=,.@-].
      RoleSessionName: `portolan-${options.owner}`.slice(0, 64),
      ...(spec.assumeRole.externalId === undefined ? {} : { ExternalId: spec.assumeRole.externalId }),
    },
    clientConfig,
  });
}

function keysOf(secret: ProviderOptions['secret'], name: string) {
  const { accessKeyId, secretAccessKey, sessionToken } = secret;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const missing = [
      ...(accessKeyId === undefined ? ['accessKeyId'] : []),
      ...(secretAccessKey === undefined ? ['secretAccessKey'] : []),
    ];
    throw new ProviderError('denied', `Secret ${name} has no ${missing.join(' and no ')}`, {
      fix: `Write \`accessKeyId\` and \`secretAccessKey\` (and \`sessionToken\`, if they are temporary) into the Secret ${name}.`,
    });
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
