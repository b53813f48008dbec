import { type AcmeError, AcmeNoAnswer, acmeError } from '../../hub/certificates/acme/error.ts';
import type { AcmeAuthorization, AcmeClient, AcmeOrder, NewOrder } from '../../hub/certificates/contract.ts';
import type { NameSet } from '../../src/certificates/model.ts';

/*
 * A CA as a hub sees it, in memory: orders, authorizations that are used again, and every way in which a request can go wrong.
 */

export interface Chaos {
  readonly badNonce: number;
  readonly rateLimited: number;
  /** The request was done, and its answer is lost. */
  readonly lostAnswer: number;
  readonly lostRequest: number;
  readonly slowMs: number;
  /** Valid authorizations are used for later orders. */
  readonly reuse: number;
}

export const CALM: Chaos = {
  badNonce: 0,
  rateLimited: 0,
  lostAnswer: 0,
  lostRequest: 0,
  slowMs: 20,
  reuse: 0,
};

const NONCES = 5;

export interface ModelOrder {
  readonly url: string;
  readonly names: NameSet;
  status: AcmeOrder['status'];
  readonly authorizations: readonly string[];
  readonly madeAtMs: number;
  /** The hub whose request it was. */
  readonly by: number;
  key?: string;
  certificate?: string;
  signedAtMs?: number;
  /** No record knows it any more, and none ever will. */
  left?: boolean;
}

interface Authorization {
  readonly url: string;
  readonly name: string;
  readonly wildcard: boolean;
  readonly token: string;
  status: AcmeAuthorization['status'];
  asked: boolean;
  /** What it saw when it was told to look. */
  found?: boolean;
  decidedAtMs?: number;
}

/** How one hub reaches it. */
export interface Line {
  readonly hub: number;
  /** Never resolves once the hub is dead. */
  wait(ms: number): Promise<void>;
  /** Called before a request has its effect and after; may never return. */
  gate(what: string): Promise<void>;
}

export interface ModelCa {
  readonly directory: string;
  readonly orders: ReadonlyMap<string, ModelOrder>;
  client(line: Line): AcmeClient;
  /** Nobody reaches it. */
  down: boolean;
  /** For the ARI id of a certificate: when it wants it renewed. */
  readonly windows: Map<string, { readonly startMs: number; readonly endMs: number }>;
  readonly revoked: Set<string>;
  /** ARI ids that new orders said they replace. */
  readonly replaced: string[];
}

export interface ModelCertificate {
  readonly serial: string;
  readonly key: string;
  readonly names: NameSet;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly issuer: string;
}

export function createModelCa(options: {
  readonly name: string;
  readonly random: () => number;
  readonly nowMs: () => number;
  readonly lifeMs: number;
  readonly chaos: Chaos;
  /** `lists`: the account's orders; `same`: a pending order is given again for the same names. */
  readonly remembers: 'lists' | 'same';
  /** Whether the CA finds this key authorization for a name. */
  readonly sees: (name: string, keyAuthorization: string) => boolean;
  readonly onOrder: (order: ModelOrder, request: NewOrder) => void;
  readonly onAsked: (name: string, seen: boolean) => void;
  readonly onSigned: (order: ModelOrder) => void;
}): ModelCa {
  const { name, random, nowMs, chaos } = options;
  const base = `https://${name}.test`;
  const orders = new Map<string, ModelOrder>();
  const authorizations = new Map<string, Authorization>();
  const serials = { next: 1 };
  let count = 0;
  const ca: ModelCa = {
    directory: `${base}/directory`,
    orders,
    client,
    down: false,
    windows: new Map(),
    revoked: new Set(),
    replaced: [],
  };

  const problem = (type: string, extra: { status?: number; retryAfterMs?: number } = {}): AcmeError =>
    acmeError(
      { type, detail: 'the model says so', subproblems: [], ...extra },
      { host: name, asked: 'order' },
    );

  /** Time goes on at the CA whether it is asked or not. */
  function settle(order: ModelOrder): void {
    if (order.status === 'processing' && nowMs() >= (order.signedAtMs ?? 0)) {
      order.status = 'valid';
      return;
    }
    if (order.status !== 'pending') return;
    const all = order.authorizations.map((url) => authorizations.get(url));
    for (const one of all) {
      if (one === undefined || one.status !== 'pending' || !one.asked || nowMs() < (one.decidedAtMs ?? 0))
        continue;
      one.status = one.found === true ? 'valid' : 'invalid';
    }
    if (all.some((one) => one?.status === 'invalid' || one?.status === 'deactivated'))
      order.status = 'invalid';
    else if (all.every((one) => one?.status === 'valid')) order.status = 'ready';
  }

  function authorizationFor(fullName: string): string {
    const wildcard = fullName.startsWith('*.');
    const bare = wildcard ? fullName.slice(2) : fullName;
    const known = [...authorizations.values()].find(
      (a) => a.name === bare && a.wildcard === wildcard && a.status === 'valid',
    );
    if (known !== undefined && random() < chaos.reuse) return known.url;
    count += 1;
    const url = `${base}/authz/${count}`;
    authorizations.set(url, {
      url,
      name: bare,
      wildcard,
      token: `token-${count}`,
      status: 'pending',
      asked: false,
    });
    return url;
  }

  function shown(order: ModelOrder): AcmeOrder {
    settle(order);
    return {
      url: order.url,
      status: order.status,
      names: order.names,
      authorizations: order.authorizations,
      finalizeUrl: `${order.url}/finalize`,
      ...(order.status === 'valid' ? { certificateUrl: `${order.url}/certificate` } : {}),
      expiresAtMs: order.madeAtMs + 7 * 86_400_000,
    };
  }

  function client(line: Line): AcmeClient {
    /** A request on its way there and back. */
    async function request<T>(what: string, effect: () => T, isPost = true): Promise<T> {
      await line.gate(what);
      await line.wait(1 + random() * chaos.slowMs);
      if (ca.down) {
        await line.wait(1_000);
        throw new AcmeNoAnswer(`${name} does not answer`, { mayBeDone: true });
      }
      // The client asks again with the nonce that came with the refusal, so often.
      if (isPost && Array.from({ length: NONCES }, random).every((drawn) => drawn < chaos.badNonce))
        throw problem('badNonce', { status: 400 });
      if (random() < chaos.lostRequest) throw new AcmeNoAnswer('lost on its way there', { mayBeDone: true });
      const result = effect();
      await line.gate(`${what} done`);
      await line.wait(1 + random() * chaos.slowMs);
      if (random() < chaos.lostAnswer) throw new AcmeNoAnswer('lost on its way back', { mayBeDone: true });
      return result;
    }
    const orderAt = (url: string): ModelOrder => {
      const order = orders.get(url);
      if (order === undefined) throw problem('malformed', { status: 404 });
      return order;
    };

    return {
      directory: async () => ({
        profiles: {},
        hasRenewalInfo: true,
        externalAccountRequired: false,
        caaIdentities: [],
      }),
      account: async () => `${base}/account/1`,
      newOrder: (wanted) =>
        request('newOrder', () => {
          if (random() < chaos.rateLimited)
            throw problem('rateLimited', {
              status: 429,
              retryAfterMs: 60_000 * (1 + Math.floor(random() * 20)),
            });
          if (wanted.replaces !== undefined) {
            if (ca.replaced.includes(wanted.replaces)) throw problem('alreadyReplaced', { status: 409 });
          }
          const again = [...orders.values()].find(
            (o) =>
              settle(o) === undefined &&
              (o.status === 'pending' || o.status === 'ready') &&
              o.names.join() === wanted.names.join(),
          );
          if (again !== undefined && options.remembers === 'same') return shown(again);
          const order: ModelOrder = {
            url: `${base}/order/${orders.size + 1}`,
            names: wanted.names,
            status: 'pending',
            authorizations: wanted.names.map(authorizationFor),
            madeAtMs: nowMs(),
            by: line.hub,
          };
          orders.set(order.url, order);
          if (wanted.replaces !== undefined) ca.replaced.push(wanted.replaces);
          options.onOrder(order, wanted);
          return shown(order);
        }),
      order: (url) => request('order', () => shown(orderAt(url))),
      orders: () =>
        request('orders', () =>
          options.remembers === 'lists'
            ? [...orders.values()]
                .filter((o) => settle(o) === undefined && o.status !== 'valid' && o.status !== 'invalid')
                .map(({ url }) => url)
            : undefined,
        ),
      authorization: (url) =>
        request('authorization', () => {
          for (const order of orders.values()) if (order.authorizations.includes(url)) settle(order);
          const one = authorizations.get(url);
          if (one === undefined) throw problem('malformed', { status: 404 });
          return {
            url,
            status: one.status,
            name: one.name,
            wildcard: one.wildcard,
            challenges: [
              {
                type: 'dns-01' as const,
                url: `${url}/dns`,
                token: one.token,
                status:
                  one.status === 'pending'
                    ? one.asked
                      ? 'processing'
                      : 'pending'
                    : one.status === 'valid'
                      ? 'valid'
                      : 'invalid',
              },
            ],
          };
        }),
      keyAuthorization: async (token) => `${token}.${name}`,
      answer: (url) =>
        request('answer', () => {
          const one = authorizations.get(url.replace(/\/dns$/, ''));
          if (one === undefined || one.status !== 'pending' || one.asked) return;
          one.asked = true;
          one.found = options.sees(one.name, `${one.token}.${name}`);
          options.onAsked(one.name, one.found);
          one.decidedAtMs = nowMs() + random() * 2_000;
        }),
      deactivate: (url) =>
        request('deactivate', () => {
          const one = authorizations.get(url);
          if (one?.status === 'pending') one.status = 'deactivated';
          for (const order of orders.values()) if (order.authorizations.includes(url)) settle(order);
        }),
      finalize: (url, csr) =>
        request('finalize', () => {
          const order = orderAt(url.replace(/\/finalize$/, ''));
          settle(order);
          if (order.status !== 'ready') throw problem('orderNotReady', { status: 403 });
          const { key } = JSON.parse(Buffer.from(csr).toString()) as { key: string };
          order.key = key;
          order.status = 'processing';
          order.signedAtMs = nowMs() + random() * 3_000;
          const serial = `${name}-${serials.next}`;
          serials.next += 1;
          order.certificate = JSON.stringify({
            serial,
            key,
            names: order.names,
            notBeforeMs: nowMs(),
            notAfterMs: nowMs() + options.lifeMs,
            issuer: name,
          } satisfies ModelCertificate);
          options.onSigned(order);
          return shown(order);
        }),
      certificate: (url) =>
        request('certificate', () => {
          const order = orderAt(url.replace(/\/certificate$/, ''));
          if (order.certificate === undefined) throw problem('malformed', { status: 404 });
          return order.certificate;
        }),
      revoke: (der) =>
        request('revoke', () => {
          const serial = Buffer.from(der).toString();
          if (ca.revoked.has(serial)) throw problem('alreadyRevoked', { status: 400 });
          ca.revoked.add(serial);
        }),
      renewalInfo: (id) =>
        request(
          'renewalInfo',
          () => {
            const window = ca.windows.get(id);
            return window === undefined ? undefined : { ...window, retryAfterMs: 6 * 3_600_000 };
          },
          false,
        ),
    };
  }
  return ca;
}
