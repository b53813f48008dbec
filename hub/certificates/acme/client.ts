import type { OutboundGuard } from '../../../providers/contract.ts';
import type { AcmeClient } from '../contract.ts';
import { type Account, createAccount, type OpenAccount } from './account.ts';
import type { ExternalAccount } from './account-key.ts';
import type { AccountShelf } from './account-shelf.ts';
import { authorizationOf, notAsHasIt, orderOf, ordersOf, renewalInfoOf } from './answers.ts';
import { chainOf, leadsTo } from './chain.ts';
import { AcmeError, type Asked } from './error.ts';
import { type AcmeAnswer, type AcmeHttp, createAcmeHttp } from './http.ts';
import { linksOf } from './links.ts';
import { type AcmeSession, createAcmeSession } from './session.ts';

export interface AcmeClientOptions {
  /** URL of the directory. */
  readonly directory: string;
  /** Email of the account. */
  readonly contact?: string | undefined;
  /** Read when the client is first used, and again only after that failed. */
  readonly secrets: () => Promise<AcmeSecrets>;
  readonly shelf: AccountShelf;
  readonly guard: OutboundGuard;
  /** Of this program. */
  readonly version: string;
  readonly nowMs: () => number;
  readonly timeoutMs?: number;
}

export interface AcmeSecrets {
  /** PEM to trust instead of the system's roots. */
  readonly ca?: string;
  readonly externalAccount?: ExternalAccount;
}

export interface ClosableAcmeClient extends AcmeClient {
  /** Ends what is under way, and closes connections. */
  close(): void;
}

const MAX_PAGES = 100;
const MAX_ORDERS = 2_000;
const MAX_ALTERNATES = 4;

/**
 * A client for one CA by RFC 8555, RFC 9773 and draft-ietf-acme-profiles. Nothing is sent twice but after `badNonce`, and, when the CA does not
 * know the account any more, once more with another account: in both cases the CA did nothing before.
 */
export function createAcmeClient(options: AcmeClientOptions): ClosableAcmeClient {
  const { directory: directoryUrl, nowMs } = options;
  const closing = new AbortController();
  let opening: Promise<Opened> | undefined;

  interface Opened {
    readonly http: AcmeHttp;
    readonly session: AcmeSession;
    readonly account: Account;
  }

  function opened(): Promise<Opened> {
    closing.signal.throwIfAborted();
    opening ??= open().catch((thrown: unknown) => {
      opening = undefined;
      throw thrown;
    });
    return opening;
  }

  async function open(): Promise<Opened> {
    const { ca, externalAccount } = await options.secrets();
    const http = createAcmeHttp({
      guard: options.guard,
      ca,
      version: options.version,
      timeoutMs: options.timeoutMs,
    });
    const session = createAcmeSession({ directoryUrl, http, nowMs });
    const account = createAccount({
      session,
      shelf: options.shelf,
      contact: options.contact,
      externalAccount,
      signal: closing.signal,
    });
    return { http, session, account };
  }

  /** Signed by the account; once more with another one when there is no such account at the CA. */
  async function post(
    asked: Asked,
    url: string | ((session: AcmeSession) => Promise<string>),
    payload: object | undefined,
    signal: AbortSignal,
    accept?: string,
  ): Promise<AcmeAnswer> {
    const { session, account } = await opened();
    const target = typeof url === 'string' ? url : await url(session);
    const send = (by: OpenAccount): Promise<AcmeAnswer> =>
      session.post(
        {
          url: target,
          payload,
          signer: { key: by.key, accountUrl: by.url },
          asked,
          ...(accept === undefined ? {} : { accept }),
        },
        signal,
      );
    const by = await unlessAborted(account.open(), signal);
    try {
      return await send(by);
    } catch (thrown) {
      if (!(thrown instanceof AcmeError) || !mayBeAccount(thrown, asked)) throw thrown;
      if (!(await unlessAborted(account.isLost(by, thrown), signal))) throw thrown;
      return send(await unlessAborted(account.open(), signal));
    }
  }

  async function orderUrlsOf(first: string, signal: AbortSignal): Promise<readonly string[]> {
    const found = new Set<string>();
    const seen = new Set<string>();
    let page: string | undefined = first;
    while (page !== undefined && !seen.has(page) && seen.size < MAX_PAGES && found.size < MAX_ORDERS) {
      seen.add(page);
      const answer: AcmeAnswer = await post('order', page, undefined, signal);
      for (const url of ordersOf(answer)) found.add(url);
      [page] = linksOf(answer.headers.link, 'next', answer.url, 1);
    }
    return [...found].slice(0, MAX_ORDERS);
  }

  async function chainAt(url: string, signal: AbortSignal): Promise<readonly [string, AcmeAnswer]> {
    const answer = await post('finalize', url, undefined, signal, 'application/pem-certificate-chain');
    const chain = chainOf(answer.body);
    if (chain === undefined) throw notAsHasIt(answer, 'certificate', 'it is no chain of PEM certificates');
    return [chain, answer];
  }

  return {
    directory: async (signal) => (await opened()).session.directory(signal),
    account: async (signal) => (await unlessAborted((await opened()).account.open(), signal)).url,
    async newOrder({ names, profile, replaces }, signal) {
      const answer = await post(
        'order',
        async (session) => (await session.directory(signal)).urls.newOrder,
        {
          identifiers: names.map((value) => ({ type: 'dns', value })),
          ...(profile === undefined ? {} : { profile }),
          ...(replaces === undefined ? {} : { replaces }),
        },
        signal,
      );
      return orderOf(answer, undefined, nowMs());
    },
    async order(url, signal) {
      return orderOf(await post('order', url, undefined, signal), url, nowMs());
    },
    async orders(signal) {
      const { account } = await opened();
      const { orders } = await unlessAborted(
        account.open().then((by) => account.look(by)),
        signal,
      );
      return orders === undefined ? undefined : orderUrlsOf(orders, signal);
    },
    async authorization(url, signal) {
      return authorizationOf(await post('challenge', url, undefined, signal), url, nowMs());
    },
    async keyAuthorization(token) {
      const { account } = await opened();
      return `${token}.${(await account.key()).thumbprint}`;
    },
    async answer(challengeUrl, signal) {
      await post('challenge', challengeUrl, {}, signal);
    },
    async deactivate(authorizationUrl, signal) {
      await post('challenge', authorizationUrl, { status: 'deactivated' }, signal);
    },
    async finalize(finalizeUrl, csrDer, signal) {
      const answer = await post(
        'finalize',
        finalizeUrl,
        { csr: Buffer.from(csrDer).toString('base64url') },
        signal,
      );
      // RFC 8555 asks for no Location here.
      const url = answer.headers.location === undefined ? finalizeUrl : undefined;
      return orderOf(answer, url, nowMs());
    },
    async certificate(url, preferredChain, signal) {
      const [chain, answer] = await chainAt(url, signal);
      if (preferredChain === undefined || leadsTo(chain, preferredChain)) return chain;
      for (const alternate of linksOf(answer.headers.link, 'alternate', answer.url, MAX_ALTERNATES)) {
        const [other] = await chainAt(alternate, signal);
        if (leadsTo(other, preferredChain)) return other;
      }
      return chain;
    },
    async revoke(certificateDer, reason, signal) {
      const certificate = Buffer.from(certificateDer).toString('base64url');
      try {
        await post(
          'revocation',
          async (session) => (await session.directory(signal)).urls.revokeCert,
          { certificate, reason },
          signal,
        );
      } catch (thrown) {
        if (thrown instanceof AcmeError && thrown.problem.type === 'alreadyRevoked') return;
        throw thrown;
      }
    },
    async renewalInfo(ariId, signal) {
      const { session } = await opened();
      const { urls } = await session.directory(signal);
      if (urls.renewalInfo === undefined) return undefined;
      const url = `${urls.renewalInfo.replace(/\/$/, '')}/${ariId}`;
      return renewalInfoOf(await session.get(url, 'renewalInfo', signal), nowMs());
    },
    close() {
      closing.abort(new Error('the Issuer was changed or the hub ends'));
      void opening?.then(
        ({ http }) => http.close(),
        () => undefined,
      );
    },
  };
}

/** `unauthorized` of a challenge or a request for a certificate is about these. */
function mayBeAccount({ problem: { type } }: AcmeError, asked: Asked): boolean {
  return type === 'accountDoesNotExist' || (type === 'unauthorized' && asked === 'order');
}

/** What is made for all who wait does not end with the one who asked first. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
