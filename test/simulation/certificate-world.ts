import { type CertificateBook, createCertificateBook } from '../../hub/certificates/book.ts';
import type { ChallengePresenter, WantedChallenge } from '../../hub/certificates/contract.ts';
import { type CertificateDriver, createCertificateDriver } from '../../hub/certificates/driver.ts';
import type { KeyWork } from '../../hub/certificates/parts.ts';
import type { CertificateKey, Store, StoredCertificate } from '../../hub/store/contract.ts';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { seededRandom } from '../support/random.ts';
import { Agenda } from './agenda.ts';
import {
  CALM,
  type Chaos,
  createModelCa,
  type Line,
  type ModelCa,
  type ModelCertificate,
  type ModelOrder,
} from './certificate-ca.ts';
import { type CertificateMutant, mutated, type Sealed } from './certificate-mutants.ts';

/*
 * Hubs that live and die over one store, CAs and DNS, in virtual time: what is asserted is what CAs and the store see, never what a hub believes.
 */

export interface WorldOptions {
  readonly seed: number;
  readonly wanted: readonly WantedCertificate[];
  readonly chaos?: Chaos;
  readonly remembers?: 'lists' | 'same';
  readonly lifeMs?: number;
  /** How often presenting fails. */
  readonly presenterFails?: number;
  readonly mutant?: CertificateMutant | undefined;
  /** Why a name cannot be proven. */
  readonly cannot?: (name: string) => string | undefined;
}

/** Dies at a write or a request: `before` it is done, or `after`. */
export interface Death {
  readonly at: 'write' | 'request';
  readonly count: number;
  readonly when: 'before' | 'after';
}

export interface CertificateWorld {
  readonly cas: readonly ModelCa[];
  readonly store: ModelStore;
  readonly violations: string[];
  readonly writes: number;
  readonly requests: number;
  nowMs(): number;
  /** Another hub on the same store; the one before goes on until it notices, unless it is killed. */
  startHub(death?: Death, wanted?: readonly WantedCertificate[]): Promise<ModelHub>;
  /** @returns false when `done` did not become true in time */
  runUntil(done: () => boolean, mostMs: number): Promise<boolean>;
  stepClock(ms: number): void;
  currentOf(id: string): CertificateRecord['current'];
  /** Challenges that stand in DNS. */
  shownChallenges(): number;
}

export interface ModelHub {
  readonly book: CertificateBook;
  readonly driver: CertificateDriver;
  readonly dead: boolean;
  kill(): void;
}

export interface ModelStore
  extends Pick<Store, 'listCertificates' | 'certificateValues' | 'putCertificates'> {
  epoch: number;
  readonly rows: Map<string, { key: CertificateKey; version: number; state: string; values: Sealed }>;
  full: boolean;
}

/** A request is at its CA by then. */
const ON_ITS_WAY_MS = 5_000;
const NEVER = new Promise<never>(() => undefined);

export function createCertificateWorld(options: WorldOptions): CertificateWorld {
  const random = seededRandom(options.seed);
  const agenda = new Agenda();
  const violations: string[] = [];
  let clockMs = 0;
  /** What the hub's clock shows beyond the world's. */
  let stepMs = 0;
  let writes = 0;
  let requests = 0;
  let hubs = 0;
  const START_MS = Date.parse('2026-11-22T00:00:00Z');
  const nowMs = (): number => START_MS + clockMs;
  const visible = new Map<string, Set<string>>();
  /** Hubs that lived on when another took over, and when that was. */
  const replacedAlive = new Map<number, number>();
  let newest: ModelHub | undefined;
  const served = new Map<string, ModelCertificate>();

  const store: ModelStore = {
    epoch: 0,
    full: false,
    rows: new Map(),
    async listCertificates(): Promise<readonly StoredCertificate[]> {
      return [...store.rows.values()].map(({ key, version, state }) => ({ key, version, state }));
    },
    certificateValues: async (key) => store.rows.get(key.name)?.values ?? {},
    async putCertificates(list, { epoch }) {
      if (store.full) throw new PortolanError('DISK_FULL', 'the store is full');
      if (epoch !== store.epoch && options.mutant !== 'no-fence')
        throw new PortolanError('CONFLICT', 'another hub took over the store');
      for (const { key, version, state, values } of list) {
        const before = store.rows.get(key.name);
        if (version !== (before?.version ?? 0) + 1 && options.mutant !== 'no-fence')
          throw new PortolanError('CONFLICT', `${key.name} changed since it was read`);
        if (state === null) store.rows.delete(key.name);
        else store.rows.set(key.name, { key, version, state, values: values ?? before?.values ?? {} });
        leave(key.name, before?.state, state);
        checkServed(key.name);
      }
    },
  };

  const orderIn = (state: string | null | undefined): CertificateRecord['order'] =>
    state === null || state === undefined ? undefined : (JSON.parse(state) as CertificateRecord).order;

  /** An order that the record had and has no more is given up, or done. */
  function leave(_id: string, before: string | undefined, after: string | null): void {
    const order = orderIn(before);
    const { url } = order ?? {};
    if (order?.askedAtMs !== undefined && orderIn(after) === undefined) leaveUnknown(order);
    if (url === undefined || orderIn(after)?.url === url) return;
    for (const ca of cas) {
      const order = ca.orders.get(url);
      if (order !== undefined) order.left = true;
    }
  }

  /** Its answer was lost, and its CA could not be asked while it was given up. */
  function leaveUnknown(order: NonNullable<CertificateRecord['order']>): void {
    const kept = urlsKept();
    for (const ca of cas.filter(({ directory }) => directory === order.directory))
      for (const each of ca.orders.values())
        if (each.names.join() === order.names.join() && !kept.has(each.url)) each.left = true;
  }

  function checkServed(id: string): void {
    const chain = store.rows.get(id)?.values['current.crt'];
    if (chain === undefined) return;
    const certificate = JSON.parse(chain) as ModelCertificate;
    if (store.rows.get(id)?.values['current.key'] !== certificate.key)
      violations.push(`${id} serves a certificate with another key`);
    served.set(id, certificate);
  }

  const urlsKept = (): ReadonlySet<string | undefined> =>
    new Set([...store.rows.values()].map(({ state }) => orderIn(state)?.url));

  function onOrder(order: ModelOrder): void {
    const names = order.names.join();
    const kept = urlsKept();
    // One of a hub that was replaced while its request was on its way may be there beside it.
    const late = (o: ModelOrder): boolean =>
      o.by < store.epoch && replacedAlive.has(o.by) && !kept.has(o.url);
    const open = cas
      .filter((ca) => ca.orders.has(order.url))
      .flatMap((ca) =>
        [...ca.orders.values()].filter(
          (o) =>
            o.names.join() === names &&
            o.left !== true &&
            !late(o) &&
            (o.status === 'pending' || o.status === 'ready' || o.status === 'processing'),
        ),
      );
    if (open.length > 1)
      violations.push(
        `${open.length} orders in flight for ${names}: ${open.map((o) => `${o.url} ${o.status} of ${o.by}`).join(', ')} at ${clockMs}`,
      );
    const replacedAtMs = replacedAlive.get(order.by);
    if (replacedAtMs !== undefined && clockMs > replacedAtMs + ON_ITS_WAY_MS)
      violations.push(`hub ${order.by} ordered after another took over`);
  }

  function onSigned(order: ModelOrder): void {
    const kept = [...store.rows.values()].some(({ values }) =>
      Object.values(values).includes(order.key ?? ''),
    );
    if (!kept) violations.push(`the key of ${order.url} was not kept when the CA signed it`);
  }

  const cas = ['first', 'second'].map((name) =>
    createModelCa({
      name,
      random,
      nowMs,
      lifeMs: options.lifeMs ?? 6 * 86_400_000,
      chaos: options.chaos ?? CALM,
      remembers: options.remembers ?? 'lists',
      sees: (host, keyAuthorization) => visible.get(host)?.has(keyAuthorization) === true,
      onOrder,
      onAsked: (host, seen) => {
        if (!seen) violations.push(`the CA was told to look at ${host} before it could see anything`);
      },
      onSigned,
    }),
  );

  async function startHub(death?: Death, wanted = options.wanted): Promise<ModelHub> {
    hubs += 1;
    const epoch = hubs;
    let dead = false;
    let ownWrites = 0;
    let ownRequests = 0;
    if (newest?.dead === false) replacedAlive.set(store.epoch, clockMs);
    store.epoch = epoch;

    const gone = <T>(value: T): T | Promise<never> => (dead ? NEVER : value);
    const dies = (at: Death['at'], count: number, when: Death['when']): void => {
      if (death?.at === at && death.count === count && death.when === when) dead = true;
    };
    const wait = (ms: number, signal?: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => {
        const off = agenda.add(clockMs + ms, () => {
          if (!dead) resolve();
        });
        signal?.addEventListener(
          'abort',
          () => {
            off();
            reject(PortolanError.from(signal.reason));
          },
          { once: true },
        );
      });
    const line: Line = {
      hub: epoch,
      wait,
      async gate(what) {
        await gone(undefined);
        if (!what.endsWith(' done')) {
          ownRequests += 1;
          requests += 1;
          dies('request', ownRequests, 'before');
        } else dies('request', ownRequests, 'after');
        await gone(undefined);
      },
    };
    const ownStore: Parameters<typeof createCertificateBook>[0]['store'] = {
      epoch,
      listCertificates: async () => await gone(await store.listCertificates()),
      certificateValues: async (key) => await gone(await store.certificateValues(key)),
      async putCertificates(list, how) {
        await gone(undefined);
        ownWrites += 1;
        writes += 1;
        dies('write', ownWrites, 'before');
        await gone(undefined);
        await wait(1);
        await store.putCertificates(list, how);
        dies('write', ownWrites, 'after');
        await gone(undefined);
      },
    };
    const mutation = mutated(options.mutant, ownStore);
    const presenter = modelPresenter(() => dead || epoch < store.epoch, wait);
    const book = createCertificateBook({
      store: mutation.store,
      onChange: () => tell(),
      onServed: () => undefined,
      log: QUIET,
    });
    const tell = (): void => {
      if (dead) return;
      presenter.want(
        [...book.underWay].flatMap((id) => {
          const order = book.get(id)?.order;
          return (order?.challenges ?? []).map((challenge) => ({
            namespace: 'default',
            certificate: id,
            challenge,
          }));
        }),
      );
    };
    await book.load();
    let keys = 0;
    const keyWork: KeyWork = {
      newKey: async () => {
        keys += 1;
        return `key ${epoch}.${keys}`;
      },
      request: async (key, names) => Buffer.from(JSON.stringify({ key, names })),
      keyOfRequest: async () => undefined,
      read(chain, key, _names, now) {
        const c = JSON.parse(chain) as ModelCertificate;
        if (c.key !== key) return { problem: 'it is for another key' };
        if (c.notAfterMs <= now) return { problem: 'it has ended already' };
        return {
          serial: c.serial,
          sha256: c.serial,
          notBeforeMs: c.notBeforeMs,
          notAfterMs: c.notAfterMs,
          names: c.names,
          ariId: c.serial,
        };
      },
    };
    const clients = new Map(
      cas.map((ca) => [
        `default/${new URL(ca.directory).hostname.split('.')[0]}`,
        { ca, client: ca.client(line) },
      ]),
    );
    const driver = createCertificateDriver({
      book,
      issuers: {
        async open(issuer) {
          const found = clients.get(issuer);
          if (found === undefined) throw new PortolanError('NOT_FOUND', `there is no Issuer ${issuer}`);
          return { client: found.client, directory: found.ca.directory, internal: false };
        },
      },
      presenters: [mutation.presenter(presenter)],
      agentKeys: { request: () => NEVER },
      forecast: {
        mayOrder: () => ({ ok: true }),
        ordered: () => undefined,
        resumed: () => undefined,
        ended: () => undefined,
      },
      keys: keyWork,
      news: {},
      wallMs: () => nowMs() + stepMs,
      wait: (ms, signal) => wait(ms, signal),
      after: (ms, task) =>
        agenda.add(clockMs + ms, () => {
          if (!dead) task();
        }),
      log: QUIET,
    });
    tell();
    driver.follow(wanted);
    newest = {
      book,
      driver,
      get dead() {
        return dead;
      },
      kill: () => {
        dead = true;
      },
    };
    return newest;
  }

  /** DNS that is slow, and sometimes does not take what it is given. What a dead hub made visible stays until the next one is told. */
  function modelPresenter(
    isDead: () => boolean,
    wait: (ms: number, signal?: AbortSignal) => Promise<void>,
  ): ChallengePresenter {
    let wantedNow: readonly WantedChallenge[] = [];
    return {
      type: 'dns-01',
      can: async (_namespace, name) => {
        const why = options.cannot?.(name);
        return why === undefined ? { ok: true } : { ok: false, why };
      },
      want(challenges) {
        if (isDead()) return;
        wantedNow = challenges;
        const keep = new Set(challenges.map(({ challenge }) => challenge.keyAuthorization));
        for (const set of visible.values()) for (const value of set) if (!keep.has(value)) set.delete(value);
      },
      async visible({ challenge }, signal) {
        await wait(10 + random() * 5_000, signal);
        if (random() < (options.presenterFails ?? 0))
          throw new PortolanError('CHALLENGE_NOT_VISIBLE', 'a name server does not have it');
        if (isDead()) throw new PortolanError('PROVIDER_DENIED', 'another hub has the zone');
        if (!wantedNow.some((w) => w.challenge.challengeUrl === challenge.challengeUrl))
          throw new PortolanError('CHALLENGE_NOT_VISIBLE', 'nobody wants it');
        const set = visible.get(challenge.name) ?? new Set();
        visible.set(challenge.name, set);
        set.add(challenge.keyAuthorization);
      },
      close: async () => undefined,
    };
  }

  function checkExpiry(): void {
    for (const [id, certificate] of served)
      if (certificate.notAfterMs <= nowMs()) {
        served.delete(id);
        violations.push(`what ${id} serves ran out`);
      }
  }

  return {
    cas,
    store,
    violations,
    get writes() {
      return writes;
    },
    get requests() {
      return requests;
    },
    nowMs,
    startHub,
    async runUntil(done, mostMs) {
      const endMs = clockMs + mostMs;
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        if (done()) return true;
        const event = agenda.take(endMs);
        if (event === undefined) {
          clockMs = endMs;
          return false;
        }
        clockMs = Math.max(clockMs, event.atMs);
        checkExpiry();
        event.action();
      }
    },
    stepClock(ms) {
      stepMs += ms;
    },
    shownChallenges: () => [...visible.values()].reduce((sum, set) => sum + set.size, 0),
    currentOf(id) {
      const row = store.rows.get(id);
      return row === undefined ? undefined : (JSON.parse(row.state) as CertificateRecord).current;
    },
  };
}

const QUIET = { info: () => undefined, warn: () => undefined };
