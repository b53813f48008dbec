import type { AskedOrder } from '../../src/certificates/limits.ts';
import {
  type CertificateRecord,
  type ChallengeRecord,
  type HistoryEntry,
  type IssuedCertificate,
  type NameSet,
  type OrderRecord,
  VALUE_CHAIN,
  VALUE_KEY,
  VALUE_ORDER_KEY,
  type WantedCertificate,
} from '../../src/certificates/model.ts';
import { sameNames } from '../../src/certificates/names.ts';
import {
  afterLook,
  agentKeyOf,
  asked,
  challengeTypes,
  chosen,
  endsOrder,
  findings,
  givenUp,
  intended,
  isOurs,
  notMade,
  placed,
  proven,
  replacingNothing,
  type Step,
  shown,
  stepOf,
  surelyNotMade,
} from '../../src/certificates/order.ts';
import { chooseRenewal } from '../../src/certificates/renewal.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { RECONCILE_ACTOR } from '../reconcile/leadership.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import { AcmeError, AcmeNoAnswer, acmeError } from './acme/error.ts';
import { namespaceOf, type Records, type SealedValues } from './book.ts';
import type { AcmeAuthorization, AcmeOrder, AcmeProblem, AgentKeys, ChallengePresenter } from './contract.ts';
import type { Issuers, KeyWork, OpenIssuer, OrderForecast } from './parts.ts';

/*
 * One order, from wherever its record says it is to the certificate. What follows is decided by `src/certificates/order.ts`; here it is asked and
 * saved, each phase before what follows it is asked of the CA.
 */

export interface OrderRunPorts {
  readonly records: Records;
  readonly open: Issuers['open'];
  readonly presenters: readonly ChallengePresenter[];
  readonly agentKeys: Pick<AgentKeys, 'request'>;
  readonly forecast: OrderForecast;
  readonly keys: KeyWork;
  readonly wallMs: () => number;
  /** Rejects when `signal` aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Why no order for these names may begin now; undefined: it may, and nobody else's may from now on. */
  readonly claim: (id: string, names: WantedCertificate['names']) => string | undefined;
  /** What it is at, for people. */
  readonly say: (id: string, doing: string) => void;
  /** The certificate as it is wanted now. */
  readonly wanted: (id: string) => WantedCertificate | undefined;
}

export type RunEnd =
  | { readonly end: 'issued'; readonly record: CertificateRecord; readonly tookMs: number }
  /** Nothing is wanted, or nothing may be begun now. */
  | { readonly end: 'rests'; readonly why: string };

/** The order is over, not only a try at it. */
export class OrderOver extends PortolanError {
  readonly why: PortolanError;
  /** Names that the CA looked for and did not find. */
  readonly failedNames: NameSet;
  /** A certificate was given all the same, and counts. */
  readonly issued: boolean;

  constructor(why: PortolanError, failedNames: NameSet = [], issued = false) {
    super(why.code, why.message, { fix: why.fix, cause: why });
    this.why = why;
    this.failedNames = failedNames;
    this.issued = issued;
  }
}

/** An order would pass what the CA allows, by what is known here. */
export class WouldPassLimit extends PortolanError {
  readonly atMs: number;

  constructor(why: string, atMs: number) {
    super('ISSUER_RATE_LIMITED', why);
    this.atMs = atMs;
  }
}

/** The record is not what this run took it for: somebody else wrote it. */
class Overtaken extends Error {}

/** Requests about one order at a time. */
const AT_ONCE = 4;
/** A CA that has not decided by then is asked again with the next try. */
const PATIENCE_MS = 5 * 60_000;
const FIRST_POLL_MS = 500;
const LONGEST_POLL_MS = 10_000;
/** A Retry-After beyond this is not sat out here, but with the next try. */
const LONGEST_SIT_OUT_MS = 60_000;
/** Requests without an answer are made again so often, so much apart, before the try counts as failed. */
const AGAIN_MS = [1_000, 2_000, 4_000] as const;
const CLEAN_UP_MS = 15_000;
const MAX_HISTORY = 20;

export interface OrderRun {
  /** Drives one certificate to its end. Throws what stands in its way; OrderOver: its order is over, and still in the record. */
  drive(id: string, issuer: ObjectKey, signal: AbortSignal): Promise<RunEnd>;
  /** Gives up what is still pending at the CA, so that it does not count there; what cannot be told it in time runs out by itself. */
  cleanUp(order: OrderRecord, signal: AbortSignal): Promise<void>;
  /** How a CA would count the next order, by what is known without asking it: an unknown one is taken to hear what an order replaces. */
  expected(id: string, next: { readonly issuer: ObjectKey; readonly names: NameSet }): AskedOrder;
  /** How a CA counts it. */
  asking(id: string, order: Pick<OrderRecord, 'issuer' | 'names' | 'replaces'>): AskedOrder;
}

export function createOrderRun(ports: OrderRunPorts): OrderRun {
  const { records, wallMs, say } = ports;
  /** Whether the CA of an Issuer takes `replaces`, once its directory was read for an order. */
  const hearsOfReplacing = new Map<ObjectKey, boolean>();

  /** Saves an order's next record. The phase before it must be what is in the book. */
  async function move(id: string, from: OrderRecord, next: OrderRecord): Promise<OrderRecord> {
    await records.write(id, (record) => {
      if (record?.order !== from && !sameOrder(record?.order, from)) throw new Overtaken();
      return record === undefined ? undefined : { ...record, order: next };
    });
    return next;
  }

  async function begin(
    wanted: WantedCertificate,
    issuerKey: ObjectKey,
    issuer: OpenIssuer,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { id } = wanted;
    const taken = ports.claim(id, wanted.names);
    if (taken !== undefined) return taken;
    const current = records.get(id)?.current;
    const replaces = await replaced(current, issuerKey, issuer, signal);
    hold(asking(id, { issuer: issuerKey, names: wanted.names, replaces }));
    if (!issuer.internal) await assertOurs(wanted, signal);
    const nowMs = wallMs();
    const reused = wanted.reuseKey && mayReuse(records.get(id), wanted);
    const keyPem =
      wanted.cluster !== undefined
        ? undefined
        : ((reused ? (await records.values(id))[VALUE_KEY] : undefined) ??
          (await ports.keys.newKey(wanted.key)));
    const agentKey =
      wanted.cluster === undefined
        ? undefined
        : ((reused && sameNames(current?.names ?? [], wanted.names) ? current?.agentKey : undefined) ??
          agentKeyOf(id, nowMs));
    const order = intended(wanted, {
      issuer: issuerKey,
      directory: issuer.directory,
      nowMs,
      ...(agentKey === undefined ? {} : { agentKey }),
      ...(replaces === undefined ? {} : { replaces }),
    });
    await records.write(
      id,
      (record) => {
        if (record?.order !== undefined) throw new Overtaken();
        return { ...(record ?? emptyRecord(wanted)), order };
      },
      {
        values: (before) => ({
          ...withoutOrderKey(before),
          ...(keyPem === undefined ? {} : { [VALUE_ORDER_KEY]: keyPem }),
        }),
      },
    );
    return undefined;
  }

  /** How a CA counts it. */
  function asking(
    id: string,
    order: {
      readonly issuer: string;
      readonly names: OrderRecord['names'];
      readonly replaces?: string | undefined;
    },
  ): AskedOrder {
    const current = records.get(id)?.current;
    const same = current?.issuer === order.issuer && sameNames(current.names, order.names);
    return {
      certificate: id,
      account: order.issuer,
      names: order.names,
      renews: order.replaces !== undefined ? 'replaces' : same ? 'sameNames' : 'nothing',
    };
  }

  function expected(id: string, next: { readonly issuer: ObjectKey; readonly names: NameSet }): AskedOrder {
    const current = records.get(id)?.current;
    const replaces =
      current?.issuer === next.issuer && hearsOfReplacing.get(next.issuer) !== false
        ? current.ariId
        : undefined;
    return asking(id, { ...next, replaces });
  }

  function hold(order: AskedOrder): void {
    if (records.get(order.certificate)?.forced?.overLimits === true) return;
    const may = ports.forecast.mayOrder(order, wallMs());
    if (!may.ok) throw new WouldPassLimit(may.why, may.atMs);
  }

  /** Before the CA is bothered: a name that nobody here can prove fails every order it is in. */
  async function assertOurs(wanted: WantedCertificate, signal: AbortSignal): Promise<void> {
    const namespace = namespaceOf(wanted);
    const problems = await inGroups(wanted.names, async (full) => {
      const wildcard = full.startsWith('*.');
      const name = wildcard ? full.slice(2) : full;
      const found = await presenterOf(namespace, { name, wildcard }, wanted.challenge, undefined, signal);
      return 'why' in found ? [`${full}: ${found.why}`] : [];
    });
    if (problems.flat().length > 0) throw notOurs(problems.flat());
  }

  async function presenterOf(
    namespace: string,
    of: { readonly name: string; readonly wildcard: boolean },
    wish: WantedCertificate['challenge'],
    offered: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly type: ChallengeRecord['type'] } | { readonly why: string }> {
    const reasons: string[] = [];
    const types = challengeTypes(
      wish,
      of,
      ports.presenters.map(({ type }) => type),
    );
    for (const type of types) {
      if (offered !== undefined && !offered.includes(type)) {
        reasons.push(`the authority does not offer ${type}`);
        continue;
      }
      const can = await ports.presenters
        .find((presenter) => presenter.type === type)
        ?.can(namespace, of.name, signal);
      if (can?.ok === true) return { type };
      reasons.push(`${type}: ${can?.why ?? 'nobody presents it'}`);
    }
    return { why: reasons.join('; ') || `${wish} cannot prove ${of.wildcard ? 'a wildcard' : 'it'}` };
  }

  // --- steps

  interface At {
    readonly wanted: WantedCertificate;
    readonly order: OrderRecord;
    readonly issuer: OpenIssuer;
    readonly signal: AbortSignal;
    /** Challenges that the CA was told of in this run. */
    readonly told: Set<string>;
  }

  const steps: Readonly<Record<Step, (at: At) => Promise<RunEnd | undefined>>> = {
    async place({ wanted, order, issuer, signal }) {
      const { id } = wanted;
      if (order.askedAtMs === undefined) hold(asking(id, order));
      if (order.askedAtMs !== undefined || gaveUpAt(records.get(id), order.issuer, wallMs())) {
        say(id, 'looks for an order that was asked for before');
        const lost = await findLost(order, issuer, signal);
        if (lost !== undefined) {
          await move(id, order, placed(order, lost));
          return undefined;
        }
      }
      say(id, `asks ${order.issuer} for an order`);
      // Each time: the store refuses it to a hub that was replaced meanwhile.
      const announced = await move(id, order, asked(order, wallMs()));
      ports.forecast.ordered(asking(id, order), wallMs());
      let answer: AcmeOrder;
      try {
        answer = await issuer.client.newOrder(
          {
            names: order.names,
            ...(issuer.profile === undefined ? {} : { profile: issuer.profile }),
            ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
          },
          signal,
        );
      } catch (thrown) {
        // An earlier request may have made one all the same: that is not known to be undone.
        const first = order.askedAtMs === undefined;
        if (thrown instanceof AcmeError && surelyNotMade(thrown.problem)) {
          if (order.replaces !== undefined && refusesReplacing(thrown.problem)) {
            const next = replacingNothing(announced);
            await move(id, announced, first ? next : asked(next, wallMs()));
            return undefined;
          }
          if (endsOrder(thrown.problem) || (first && thrown.problem.type === 'rateLimited'))
            throw new OrderOver(thrown);
          if (first) await move(id, announced, notMade(announced));
        } else if (thrown instanceof AcmeNoAnswer && !thrown.mayBeDone && first)
          await move(id, announced, notMade(announced));
        throw thrown;
      }
      await move(id, announced, placed(announced, answer));
      return undefined;
    },

    async choose({ wanted, order, issuer, signal }) {
      const { id } = wanted;
      say(id, `reads its order at ${order.issuer}`);
      const answer = await issuer.client.order(urlOf(order), signal);
      const way = afterLook(order, answer);
      if (way.to === 'next') await move(id, order, way.order);
      if (way.to === 'end') throw ended(order, answer);
      if (way.to !== 'here') return undefined;
      const open = await openAuthorizations(answer.authorizations, issuer, signal);
      const fault = open.find(({ status }) => status !== 'pending');
      if (fault !== undefined) throw validationFailed(order, fault);
      const namespace = namespaceOf(wanted);
      const picked = await inGroups(open, async (authorization) => {
        const found = await presenterOf(
          namespace,
          authorization,
          wanted.challenge,
          authorization.challenges.map(({ type }) => type),
          signal,
        );
        const challenge =
          'why' in found ? undefined : authorization.challenges.find((c) => c.type === found.type);
        if (challenge === undefined)
          return { problem: `${authorization.name}: ${'why' in found ? found.why : 'no challenge'}` };
        return {
          name: authorization.name,
          wildcard: authorization.wildcard,
          type: challenge.type,
          authorizationUrl: authorization.url,
          challengeUrl: challenge.url,
          token: challenge.token,
          keyAuthorization: await issuer.client.keyAuthorization(challenge.token),
        } satisfies ChallengeRecord;
      });
      const problems = picked.flatMap((p) => ('problem' in p ? [p.problem] : []));
      if (problems.length > 0) throw new OrderOver(notOurs(problems));
      await move(
        id,
        order,
        chosen(
          order,
          picked.flatMap((p) => ('problem' in p ? [] : [p])),
        ),
      );
      return undefined;
    },

    async show({ wanted, order, signal }) {
      const { id } = wanted;
      const namespace = namespaceOf(wanted);
      const missing = await inGroups(order.challenges, async ({ type, name }) => {
        const presenter = ports.presenters.find((p) => p.type === type);
        return (await presenter?.can(namespace, name, signal))?.ok !== true;
      });
      if (missing.includes(true)) {
        // What could show it when it was chosen cannot any more: another one is chosen.
        await move(id, order, { ...order, phase: 'ordered', challenges: [] });
        return undefined;
      }
      say(id, `makes ${countOf(order.challenges.length, 'challenge')} visible`);
      await Promise.all(
        order.challenges.map(async (challenge) => {
          const presenter = ports.presenters.find(({ type }) => type === challenge.type);
          await presenter?.visible({ namespace, certificate: id, challenge }, signal);
        }),
      );
      await move(id, order, shown(order));
      return undefined;
    },

    async prove({ wanted, order, issuer, signal, told }) {
      const { id } = wanted;
      say(id, `waits for ${order.issuer} to look at ${countOf(order.challenges.length, 'challenge')}`);
      const poll = polling(signal);
      for (;;) {
        const answers = await inGroups(order.challenges, (c) =>
          issuer.client.authorization(c.authorizationUrl, signal),
        );
        const found = findings(order, answers);
        if (found.found === 'fault') {
          const fault = answers.find(({ url }) => url === found.at.url);
          if (fault !== undefined) throw validationFailed(order, fault);
        }
        if (found.found === 'all') {
          const answer = await issuer.client.order(urlOf(order), signal);
          const way = afterLook(order, answer);
          if (way.to === 'end') throw ended(order, answer);
          if (way.to === 'next') {
            await move(id, order, proven(order));
            return undefined;
          }
        }
        if (found.found === 'not yet') {
          const unasked = found.unasked.filter(({ challengeUrl }) => !told.has(challengeUrl));
          await inGroups(unasked, async ({ challengeUrl }) => {
            await issuer.client.answer(challengeUrl, signal);
            told.add(challengeUrl);
          });
        }
        await poll(
          Math.max(0, ...answers.map(({ retryAfterMs = 0 }) => retryAfterMs)),
          `${order.issuer} has not looked at all challenges yet`,
        );
      }
    },

    async finish({ wanted, order, issuer, signal }) {
      const { id } = wanted;
      const poll = polling(signal);
      let answer = await issuer.client.order(urlOf(order), signal);
      let sent = false;
      for (;;) {
        const way = afterLook(order, answer);
        if (way.to === 'end') throw ended(order, answer);
        if (way.to === 'next') {
          await move(id, order, way.order);
          return undefined;
        }
        if (way.to === 'take') return await take(wanted, order, issuer, way.certificateUrl, signal);
        if (way.to === 'here' && !sent) {
          say(id, `hands in the request with its key at ${order.issuer}`);
          const { csr } = await requestOf(wanted, order, signal);
          answer = await issuer.client.finalize(order.finalizeUrl ?? '', await csr(), signal);
          sent = true;
          continue;
        }
        say(id, `waits for ${order.issuer} to sign`);
        await poll(answer.retryAfterMs ?? 0, `${order.issuer} has not signed yet`);
        answer = await issuer.client.order(urlOf(order), signal);
      }
    },
  };

  // --- what steps do

  /** The request for the certificate, and the key that it must be for. */
  async function requestOf(
    { id }: WantedCertificate,
    order: OrderRecord,
    signal: AbortSignal,
  ): Promise<{ readonly csr: () => Promise<Uint8Array>; readonly key: string | Uint8Array }> {
    const { agentKey } = order;
    const cluster = records.get(id)?.cluster;
    if (agentKey !== undefined && cluster !== undefined) {
      say(id, `waits for the agent of ${cluster} to make its key`);
      const csr = await ports.agentKeys.request(cluster, agentKey, signal);
      const key = await ports.keys.keyOfRequest(csr);
      if (key === undefined)
        throw new PortolanError(
          'CSR_INVALID',
          `the request that the agent of ${cluster} sent cannot be read`,
        );
      return { csr: async () => csr, key };
    }
    const key = (await records.values(id))[VALUE_ORDER_KEY];
    if (key === undefined)
      throw new OrderOver(
        new PortolanError('STORE_CORRUPT', `the key of the order for ${id} is not kept any more`),
      );
    return { csr: () => ports.keys.request(key, order.names), key };
  }

  async function take(
    wanted: WantedCertificate,
    order: OrderRecord,
    issuer: OpenIssuer,
    certificateUrl: string,
    signal: AbortSignal,
  ): Promise<RunEnd> {
    const { id } = wanted;
    say(id, 'takes the certificate');
    const chain = await issuer.client.certificate(certificateUrl, issuer.preferredChain, signal);
    const { key } = await requestOf(wanted, order, signal);
    const nowMs = wallMs();
    const leaf = ports.keys.read(chain, key, order.names, nowMs);
    if ('problem' in leaf)
      throw new OrderOver(
        new PortolanError(
          'ISSUER_REFUSED',
          `the certificate that ${order.issuer} gave cannot be served: ${leaf.problem}`,
        ),
        [],
        true,
      );
    const { serial, sha256, notBeforeMs, notAfterMs, ariId } = leaf;
    const current: IssuedCertificate = {
      names: order.names,
      key: order.key,
      issuer: order.issuer,
      serial,
      sha256,
      notBeforeMs,
      notAfterMs,
      ...(ariId === undefined ? {} : { ariId }),
      certificateUrl,
      ...(order.agentKey === undefined ? {} : { agentKey: order.agentKey }),
      issuedAtMs: nowMs,
      renewAtMs: chooseRenewal(wanted, leaf, undefined).atMs,
    };
    const counted = asking(id, order);
    const record = await records.write(
      id,
      (before) => {
        if (before === undefined || !sameOrder(before.order, order)) throw new Overtaken();
        const { order: _order, failures: _failures, ari: _ari, forced, ...rest } = before;
        const entry: HistoryEntry = {
          atMs: nowMs,
          event: before.current === undefined ? 'issued' : 'renewed',
          issuer: order.issuer,
          names: order.names,
          serial,
          ...(forced === undefined ? {} : { detail: forced.reason }),
        };
        return { ...rest, current, history: withEntry(before.history, entry) };
      },
      {
        values: (before) => ({
          [VALUE_CHAIN]: chain,
          ...(order.agentKey !== undefined || before[VALUE_ORDER_KEY] === undefined
            ? {}
            : { [VALUE_KEY]: before[VALUE_ORDER_KEY] }),
        }),
        audit: [
          {
            actor: RECONCILE_ACTOR,
            verb: 'certificate.issue',
            payload: { issuer: order.issuer, names: order.names, serial, sha256 },
          },
        ],
      },
    );
    if (record === undefined) throw new Overtaken();
    ports.forecast.ended(counted, { issued: true }, nowMs);
    return { end: 'issued', record, tookMs: nowMs - order.startedAtMs };
  }

  function validationFailed(order: OrderRecord, fault: AcmeAuthorization): OrderOver {
    const problem = fault.challenges.find((c) => c.problem !== undefined)?.problem;
    if (problem === undefined)
      return new OrderOver(
        new PortolanError(
          'CHALLENGE_FAILED',
          `${hostOf(order)}: the authorization of ${fault.name} is ${fault.status}`,
        ),
        fault.status === 'invalid' ? [fault.name] : [],
      );
    const named = {
      ...problem,
      detail: problem.detail.includes(fault.name) ? problem.detail : `${fault.name}: ${problem.detail}`,
    };
    return new OrderOver(acmeError(named, { host: hostOf(order), asked: 'challenge' }), [fault.name]);
  }

  /** Polls with backoff, as the CA asks, until it takes too long. */
  function polling(signal: AbortSignal): (retryAfterMs: number, what: string) => Promise<void> {
    let leftMs = PATIENCE_MS;
    let nextMs = FIRST_POLL_MS;
    return async (retryAfterMs, what) => {
      const delayMs = Math.max(nextMs, Math.min(retryAfterMs, LONGEST_SIT_OUT_MS));
      if (delayMs > leftMs) throw new AcmeNoAnswer(what, { mayBeDone: true });
      leftMs -= delayMs;
      nextMs = Math.min(nextMs * 2, LONGEST_POLL_MS);
      await ports.wait(delayMs, signal);
    };
  }

  /** The order that a request whose answer was lost may have made. */
  async function findLost(
    order: OrderRecord,
    { client }: OpenIssuer,
    signal: AbortSignal,
  ): Promise<AcmeOrder | undefined> {
    for (const url of (await client.orders(signal)) ?? []) {
      const answer = await client.order(url, signal);
      if (isOurs(order, answer)) return answer;
    }
    return undefined;
  }

  async function openAuthorizations(
    urls: readonly string[],
    { client }: OpenIssuer,
    signal: AbortSignal,
  ): Promise<readonly AcmeAuthorization[]> {
    const all = await inGroups(urls, (url) => client.authorization(url, signal));
    return all.filter(({ status }) => status !== 'valid');
  }

  async function replaced(
    current: IssuedCertificate | undefined,
    issuerKey: ObjectKey,
    issuer: OpenIssuer,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (current?.ariId === undefined || current.issuer !== issuerKey) return undefined;
    const { hasRenewalInfo } = await issuer.client.directory(signal);
    hearsOfReplacing.set(issuerKey, hasRenewalInfo);
    return hasRenewalInfo ? current.ariId : undefined;
  }

  async function cleanUp(order: OrderRecord, signal: AbortSignal): Promise<void> {
    if (order.url === undefined && order.askedAtMs === undefined) return;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(CLEAN_UP_MS)]);
    try {
      const issuer = await ports.open(order.issuer);
      const { client, directory } = issuer;
      if (directory !== order.directory) return;
      const { authorizations = [] } =
        order.url === undefined
          ? ((await findLost(order, issuer, bounded)) ?? {})
          : await client.order(order.url, bounded);
      for (const { url, status } of await inGroups(authorizations, (u) => client.authorization(u, bounded)))
        if (status === 'pending') await client.deactivate(url, bounded);
    } catch {
      signal.throwIfAborted();
    }
  }

  return { drive, cleanUp, asking, expected };

  async function drive(id: string, issuerKey: ObjectKey, signal: AbortSignal): Promise<RunEnd> {
    const told = new Set<string>();
    let unanswered = 0;
    for (;;) {
      signal.throwIfAborted();
      const wanted = ports.wanted(id);
      const order = records.get(id)?.order;
      try {
        const end = await once(id, wanted, order, issuerKey, { told, signal });
        if (end !== undefined) return end;
        unanswered = 0;
      } catch (thrown) {
        if (thrown instanceof Overtaken) continue;
        if (thrown instanceof AcmeError && order?.url !== undefined && endsOrder(thrown.problem))
          throw new OrderOver(thrown);
        const pauseMs = AGAIN_MS[unanswered];
        if (!passes(thrown) || pauseMs === undefined) throw thrown;
        unanswered += 1;
        await ports.wait(pauseMs, signal);
      }
    }
  }

  async function once(
    id: string,
    wanted: WantedCertificate | undefined,
    order: OrderRecord | undefined,
    issuerKey: ObjectKey,
    { told, signal }: Pick<At, 'told' | 'signal'>,
  ): Promise<RunEnd | undefined> {
    if (order === undefined) {
      if (wanted === undefined) return { end: 'rests', why: 'it is not wanted any more' };
      const taken = await begin(wanted, issuerKey, await ports.open(issuerKey), signal);
      return taken === undefined ? undefined : { end: 'rests', why: taken };
    }
    const issuer = await ports.open(order.issuer).catch((thrown: unknown) => {
      if (order.issuer === issuerKey && wanted !== undefined) throw thrown;
      return undefined;
    });
    const why = givenUp(order, wanted, wanted === undefined ? undefined : issuerKey, issuer?.directory);
    if (why !== undefined || wanted === undefined || issuer === undefined) {
      await abandon(id, order, why ?? '', signal);
      return undefined;
    }
    return await steps[stepOf(order)]({ wanted, order, issuer, signal, told });
  }

  async function abandon(id: string, order: OrderRecord, why: string, signal: AbortSignal): Promise<void> {
    say(id, `gives its order at ${order.issuer} up: ${why}`);
    await cleanUp(order, signal);
    ports.forecast.ended(asking(id, order), { issued: false, failed: [] }, wallMs());
    await records.write(
      id,
      (record) => {
        if (record === undefined || !sameOrder(record.order, order)) return record;
        return {
          ...withoutOrder(record),
          history: withEntry(record.history, {
            atMs: wallMs(),
            event: 'abandoned',
            issuer: order.issuer,
            names: order.names,
            detail: why,
          }),
        };
      },
      { values: withoutOrderKey },
    );
  }
}

// --- records

export function emptyRecord({ id, policy, cluster }: WantedCertificate): CertificateRecord {
  return { id, policy, ...(cluster === undefined ? {} : { cluster }), history: [] };
}

export function withoutOrder(record: CertificateRecord): CertificateRecord {
  const { order: _order, ...rest } = record;
  return rest;
}

export function withoutOrderKey(values: SealedValues): SealedValues {
  const { [VALUE_ORDER_KEY]: _key, ...rest } = values;
  return rest;
}

/** Newest first; the same failure again takes the place of the one before. */
export function withEntry(history: readonly HistoryEntry[], entry: HistoryEntry): readonly HistoryEntry[] {
  const [last] = history;
  const again =
    entry.event === 'failed' &&
    last?.event === 'failed' &&
    last.issuer === entry.issuer &&
    last.detail === entry.detail;
  return [entry, ...(again ? history.slice(1) : history)].slice(0, MAX_HISTORY);
}

function sameOrder(a: OrderRecord | undefined, b: OrderRecord): boolean {
  return a === b || (a !== undefined && JSON.stringify(a) === JSON.stringify(b));
}

/** Lately an order at this Issuer was given up, and may still be pending there: not all could be cleaned up. */
function gaveUpAt(record: CertificateRecord | undefined, issuer: ObjectKey, nowMs: number): boolean {
  return (record?.history ?? []).some(
    (entry) =>
      entry.issuer === issuer &&
      (entry.event === 'abandoned' || entry.event === 'failed') &&
      entry.atMs > nowMs - ORDERS_LIVE_MS,
  );
}
/** Boulder's; RFC 8555 leaves it open. */
const ORDERS_LIVE_MS = 7 * 86_400_000;

/** A key that was revoked with its certificate, or was lost to somebody, is never used again. */
function mayReuse(record: CertificateRecord | undefined, wanted: WantedCertificate): boolean {
  const current = record?.current;
  return (
    current !== undefined &&
    current.key === wanted.key &&
    current.revokedAtMs === undefined &&
    record?.revoking?.reason !== KEY_COMPROMISE
  );
}
const KEY_COMPROMISE = 1;

/** The same request may go well in a moment. */
function passes(thrown: unknown): boolean {
  return (
    (thrown instanceof AcmeNoAnswer && thrown.retryAfterMs === undefined) ||
    (thrown instanceof AcmeError && thrown.problem.type === 'badNonce')
  );
}

// --- words

function notOurs(problems: readonly string[]): PortolanError {
  const more = problems.length > 5 ? ` and ${problems.length - 5} more` : '';
  return new PortolanError('CERTIFICATE_NAME_NOT_OURS', `${problems.slice(0, 5).join('. ')}${more}`);
}

function ended(order: OrderRecord, answer: AcmeOrder): OrderOver {
  const problem = answer.problem ?? {
    type: 'malformed',
    detail: 'the order is invalid; it does not say why',
    subproblems: [],
  };
  return new OrderOver(acmeError(problem, { host: hostOf(order), asked: 'challenge' }));
}

/** Types of what CAs answer when they do not want to hear that an order replaces a certificate (RFC 9773 section 5 has the first). */
const NO_REPLACING: ReadonlySet<string> = new Set([
  'alreadyReplaced',
  'malformed',
  'unauthorized',
  'conflict',
]);
const refusesReplacing = ({ type }: AcmeProblem): boolean => NO_REPLACING.has(type);

const hostOf = ({ directory }: OrderRecord): string => URL.parse(directory)?.host ?? directory;

function urlOf(order: OrderRecord): string {
  if (order.url === undefined)
    throw new OrderOver(new PortolanError('STORE_CORRUPT', 'the order has no URL'));
  return order.url;
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

async function inGroups<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE)
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  return results;
}
