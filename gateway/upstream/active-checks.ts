import type { Backend } from './backend.ts';
import type { ForwardRequest } from './contract.ts';
import type { Endpoint } from './endpoint.ts';
import type { Attempt, Carrier } from './transport.ts';

export interface ActiveChecks {
  /** The backend has other endpoints: those that stay are checked on as they were. */
  follow(): void;
  stop(): void;
}

export interface ActiveCheckDeps {
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** Checks spread over this part of their interval, so that not all gateways ask at once. */
const JITTER = 0.2;

/**
 * Asks each endpoint of a backend at the interval of its health check, whatever it said before: as much work while all are well as while
 * none is. An endpoint that fails `fall` times in a row is left out until it passes `rise` times in a row.
 */
export function startActiveChecks(backend: Backend, deps: ActiveCheckDeps): ActiveChecks {
  const { healthCheck } = backend.compiled;
  if (healthCheck === undefined) {
    for (const endpoint of backend.endpoints) endpoint.passing = true;
    backend.recheck();
    return { follow: () => {}, stop: () => {} };
  }
  const cancels = new Map<Endpoint, () => void>();
  const watch = (endpoint: Endpoint): void => {
    let inARow = 0;
    const judge = (well: boolean, why: string): void => {
      if (!cancels.has(endpoint)) return;
      inARow = well === endpoint.passing ? 0 : inARow + 1;
      if (inARow < (well ? healthCheck.rise : healthCheck.fall)) return;
      inARow = 0;
      endpoint.passing = well;
      backend.recheck();
      deps.log.warn(
        { backend: backend.id, endpoint: endpoint.name, ...(well ? {} : { why }) },
        well ? 'an endpoint passes its checks again' : 'an endpoint fails its checks and is left out',
      );
    };
    const check = (): void => {
      const spread = 1 - JITTER / 2 + JITTER * deps.random();
      cancels.set(endpoint, deps.after(healthCheck.intervalMs * spread, check));
      ask(backend, endpoint, healthCheck, deps, judge);
    };
    cancels.set(endpoint, deps.after(healthCheck.intervalMs * deps.random(), check));
  };
  const leave = (endpoint: Endpoint, cancel: () => void): void => {
    cancel();
    cancels.delete(endpoint);
  };
  const follow = (): void => {
    const { endpoints } = backend;
    for (const [endpoint, cancel] of cancels) if (!endpoints.includes(endpoint)) leave(endpoint, cancel);
    for (const endpoint of endpoints) if (!cancels.has(endpoint)) watch(endpoint);
  };
  follow();
  return {
    follow,
    stop() {
      for (const [endpoint, cancel] of cancels) leave(endpoint, cancel);
    },
  };
}

type HealthCheck = NonNullable<Backend['compiled']['healthCheck']>;

function ask(
  backend: Backend,
  endpoint: Endpoint,
  { path, timeoutMs, statuses }: HealthCheck,
  deps: ActiveCheckDeps,
  judge: (well: boolean, why: string) => void,
): void {
  const { tls } = backend.compiled;
  const request: ForwardRequest = {
    method: 'GET',
    path,
    scheme: tls === undefined ? 'http' : 'https',
    authority: tls?.serverName ?? authorityOf(endpoint.name),
    fields: ['user-agent', 'portolan-gateway-check'],
    body: undefined,
    timeouts: {},
    retry: undefined,
    trailers: false,
  };
  let carrier: Carrier | undefined;
  let over = false;
  const settle = (well: boolean, why: string): void => {
    if (over) return;
    over = true;
    cancel();
    judge(well, why);
  };
  const cancel = deps.after(timeoutMs, () => {
    if (carrier === undefined) endpoint.pool.cancel(attempt);
    else carrier.abort();
    settle(false, `no answer within ${timeoutMs} ms`);
  });
  const attempt: Attempt = {
    request,
    body: undefined,
    carriedBy: (by) => {
      carrier = by;
      // It may have waited for a connection until it was too late.
      if (over) by.abort();
    },
    informational: () => {},
    response: (status) => {
      carrier?.discard();
      settle(statuses.includes(status), `status ${status}`);
    },
    data: () => true,
    complete: () => {},
    switched: (_status, _fields, socket) => {
      socket.destroy();
      settle(false, 'it changed the protocol');
    },
    // A gateway that is busy, or a connection that was closed while idle, says nothing about the endpoint.
    failed: ({ kind, message }) =>
      settle((kind === 'overloaded' || kind === 'stale') && endpoint.passing, message),
  };
  endpoint.pool.acquire(attempt);
}

/** `address:port` with an IPv6 address in brackets (RFC 3986 §3.2.2). */
function authorityOf(name: string): string {
  const at = name.lastIndexOf(':');
  const host = name.slice(0, at);
  return host.includes(':') ? `[${host}]${name.slice(at)}` : name;
}
