import { setTimeout as delay } from 'node:timers/promises';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { VALUE_CHAIN } from '../../src/certificates/model.ts';
import type { CertificateObjects } from '../../src/certificates/naming.ts';
import { createWanting, type Wanted } from '../../src/certificates/wanted.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import type { CertificateServices } from '../api/certificate-services.ts';
import type { ProposedChange } from '../api/services.ts';
import { type ObjectKey, type Objects, objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { Store } from '../store/contract.ts';
import { type CertificateBook, createCertificateBook } from './book.ts';
import { createChallengeBoard } from './challenge-board.ts';
import type { AgentKeys, CertificateSource, ChallengePresenter, WantedKey } from './contract.ts';
import { type CertificateEntry, createCertificateDesk, type DeskPorts } from './desk.ts';
import { type CertificateDriver, createCertificateDriver } from './driver.ts';
import { createExpiryWatch } from './expiry-watch.ts';
import { forecastWarnings } from './forecast-warnings.ts';
import { createIssuance, type Issuance } from './issuance.ts';
import { createIssuers, type IssuersOfHub, type IssuersOptions } from './issuers.ts';
import { REAL_KEYS } from './key-work.ts';
import { type CertificateCounts, createCertificateCounts } from './metrics.ts';
import { emptyRecord } from './order-record.ts';
import type { CertificateNews } from './parts.ts';
import { createCertificateSchedule } from './schedule.ts';
import type { CertificatesView } from './statuses.ts';
import { createTrialRun } from './trial-run.ts';

/** The part of a hub that gets certificates. */
export interface CertificatesOfHub {
  readonly source: CertificateSource;
  readonly services: CertificateServices;
  readonly issuers: IssuersOfHub;
  readonly book: CertificateBook;
  readonly driver: CertificateDriver;
  readonly issuance: Issuance;
  /** What policies want, as it was followed last. */
  readonly wanted: Wanted | undefined;
  /** As it was followed last. */
  readonly world: World | undefined;
  /** For statuses and metrics. */
  readonly view: CertificatesView;
  readonly counts: CertificateCounts;
  /** Reads what is kept: from then on it can be served. Before anything is published. @throws PortolanError STORE_UNAVAILABLE */
  open(): Promise<void>;
  /** What a change's orders would be of the CAs' limits, where those are nearly used up. @param objects as they would be */
  warnings(changes: readonly ProposedChange[], objects: Objects): readonly string[];
  /** The stored objects make this world now. */
  follow(world: World): void;
  /** From now on CAs are asked; this hub leads. */
  start(): void;
  /** Ends what is under way where its record says it is. */
  close(): Promise<void>;
}

const STATUS_GATHER_MS = 500;

export function createCertificatesOfHub(options: {
  readonly store: IssuersOptions['store'] &
    Pick<Store, 'listCertificates' | 'certificateValues' | 'putCertificates' | 'epoch'>;
  readonly guard: IssuersOptions['guard'];
  readonly developmentCa: IssuersOptions['developmentCa'];
  readonly version: string;
  readonly clock: IssuersOptions['clock'];
  readonly random: () => number;
  /** In the order in which `auto` tries them. */
  readonly presenters: readonly ChallengePresenter[];
  readonly agentKeys: AgentKeys;
  /** Orders at one Issuer at a time. */
  readonly parallel?: number;
  readonly news?: CertificateNews;
  /** What agents found in their clusters. */
  readonly found?: () => CertificateObjects['found'];
  /** What gateways were seen to show. */
  readonly served?: NonNullable<CertificatesView['served']>;
  /** What gateways get is otherwise. */
  readonly onServed: () => void;
  /** What statuses say is otherwise; at most once in a while. */
  readonly onStatus: () => void;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}): CertificatesOfHub {
  const { store, presenters, agentKeys, clock, log, onServed } = options;
  const wallMs = (): number => clock.wallMs();
  const wanting = createWanting();
  /** Of worlds that may never be. */
  const planning = createWanting();
  let world: World | undefined;
  let wanted: Wanted | undefined;
  let started = false;

  const board = createChallengeBoard(presenters);
  const book = createCertificateBook({
    store,
    onChange(id, record) {
      board.set(id, record);
      tellAgents(id, record);
      statusChanged();
    },
    onServed,
    log,
  });
  const issuers = createIssuers({ ...options, onStatus: statusChanged });
  const issuance = createIssuance({ store, issuer: issuerSpec, log });
  const counts = createCertificateCounts(options.news);
  const expiry = createExpiryWatch(log);
  const wait = (ms: number, signal: AbortSignal): Promise<void> => clock.wait(ms, signal);
  const driver = createCertificateDriver({
    book,
    issuers,
    presenters,
    agentKeys,
    forecast: issuance,
    news: counts.news,
    wallMs,
    wait,
    after(ms, task) {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
    ...(options.parallel === undefined ? {} : { parallel: options.parallel }),
    log,
  });

  const schedule = createCertificateSchedule({
    pass() {
      driver.pass();
      expiry.look(book.all, wallMs());
      // What they say of an end that comes nearer changes by the clock alone.
      statusChanged();
    },
    log,
  });

  /** A thousand orders at once are not a thousand looks at all statuses. */
  let statusTimer: NodeJS.Timeout | undefined;
  function statusChanged(): void {
    statusTimer ??= setTimeout(() => {
      statusTimer = undefined;
      options.onStatus();
    }, STATUS_GATHER_MS);
  }

  function issuerSpec(key: ObjectKey) {
    return world?.objects.Issuer.get(key)?.spec;
  }

  // --- keys that agents make

  const agentKeysOf = new Map<string, { readonly cluster: ObjectKey; readonly keys: readonly WantedKey[] }>();

  function tellAgents(id: string, record: CertificateRecord | undefined): void {
    const keys = record?.cluster === undefined ? [] : keysOf(record);
    if (keys.length === 0 && !agentKeysOf.has(id)) return;
    if (keys.length === 0 || record?.cluster === undefined) agentKeysOf.delete(id);
    else agentKeysOf.set(id, { cluster: record.cluster, keys });
    if (started) wantKeys();
  }

  function wantKeys(): void {
    const byCluster = new Map<ObjectKey, readonly WantedKey[]>();
    for (const { cluster, keys } of agentKeysOf.values())
      byCluster.set(cluster, [...(byCluster.get(cluster) ?? []), ...keys]);
    agentKeys.want(byCluster);
  }

  // --- what people ask and tell

  function entryOf(id: string): CertificateEntry | undefined {
    const certificate = driver.wanted.get(id);
    const record = book.get(id) ?? (certificate === undefined ? undefined : emptyRecord(certificate));
    if (record === undefined) return undefined;
    return { record, ...(certificate === undefined ? {} : { wanted: certificate }) };
  }

  function* entries(): Iterable<CertificateEntry> {
    for (const id of new Set([...driver.wanted.keys(), ...book.all.keys()])) {
      const entry = entryOf(id);
      if (entry !== undefined) yield entry;
    }
  }

  const chainPem = async (id: string): Promise<string | undefined> => (await book.values(id))[VALUE_CHAIN];
  const recordFor = (id: string): CertificateRecord | undefined => {
    const certificate = driver.wanted.get(id);
    return certificate === undefined ? undefined : emptyRecord(certificate);
  };

  /** What it waits for; when the store takes nothing, that. */
  function doing(id: string): string | undefined {
    const said = driver.activity.get(id)?.doing;
    if (driver.stopped === undefined || (said === undefined && !book.underWay.has(id))) return said;
    return `rests until the store takes what has to be kept: ${driver.stopped.message}`;
  }

  const ports: DeskPorts = {
    entries,
    settled: () => wanted !== undefined,
    find: entryOf,
    chainPem,
    waitsFor: (id, challengeUrl) => (challengeUrl === undefined ? doing(id) : undefined),
    forecast: (certificate, issuer) => judge(certificate, issuer).uses,
    clusters: (policy) => world?.objects.CertificatePolicy.get(policy)?.status?.clusters ?? [],
    issuer: issuerSpec,
    policy: (key) => world?.objects.CertificatePolicy.get(key)?.spec,
    async force(id, { reason, overLimits }, actor) {
      await book.write(
        id,
        (before = recordFor(id)) => {
          if (before === undefined) return undefined;
          const { failures: _failures, ...rest } = before;
          return {
            ...rest,
            forced: { reason, atMs: wallMs(), ...(overLimits ? { overLimits } : {}) },
          };
        },
        { audit: [{ actor, verb: 'certificate.renew', reason }] },
      );
      driver.pass();
    },
    async revoke(id, { reason, words, afterReplacement }, actor) {
      const leaf = readCertificate((await chainPem(id)) ?? '');
      await book.write(
        id,
        (before) => {
          const current = before?.current;
          if (before === undefined || current === undefined || leaf?.serialNumber !== current.serial)
            throw new PortolanError('CONFLICT', `the certificate of ${id} was replaced just now`, {
              fix: 'Look at it again, and revoke the one that is meant.',
            });
          const atMs = wallMs();
          const { failures: _failures, ...rest } = before;
          return {
            ...rest,
            revoking: {
              serial: current.serial,
              issuer: current.issuer,
              certificateDer: leaf.raw.toString('base64'),
              reason,
              afterReplacement,
              askedAtMs: atMs,
            },
            ...(afterReplacement ? { forced: { reason: `to be revoked: ${words}`, atMs } } : {}),
          };
        },
        { audit: [{ actor, verb: 'certificate.revoke', reason: words }] },
      );
      driver.pass();
    },
    try: createTrialRun({
      openStaging: (issuer) => issuers.openStaging(issuer),
      board,
      presenters,
      agentKeys,
      keys: REAL_KEYS,
      wallMs,
      wait,
    }),
    wallMs,
  };

  /** As the driver will ask. */
  const judge = ({ id, names }: WantedCertificate, issuer: ObjectKey) =>
    issuance.judge(driver.expected(id, { issuer, names }), wallMs());

  function follow(next: World): void {
    world = next;
    issuers.follow(next.objects);
    if (!started) return;
    wanted = wanting.wanted({ ...next.objects, found: options.found?.() }, book.all);
    driver.follow(wanted.certificates);
    statusChanged();
  }

  const view: CertificatesView = {
    get policies() {
      return wanted?.policies;
    },
    record: (id) => book.get(id),
    waitsFor: doing,
    ...(options.served === undefined ? {} : { served: options.served }),
    forecast: (certificate) => judge(certificate, certificate.issuers[0] ?? ''),
    issuerStatus: (issuer, nowMs) => issuers.status(issuer, nowMs),
  };

  return {
    view,
    counts,
    source: book.source,
    services: createCertificateDesk(ports),
    issuers,
    book,
    driver,
    issuance,
    get wanted() {
      return wanted;
    },
    get world() {
      return world;
    },
    async open() {
      await book.load();
      await issuance.load(wallMs());
      for (const record of book.all.values()) {
        board.set(record.id, record);
        tellAgents(record.id, record);
      }
      // Before the first publication: a CA may be looking for a challenge that stood when the hub ended.
      board.start();
      // With the first snapshot: keys of orders that are under way must not seem to be wanted no more.
      wantKeys();
    },
    warnings(changes, objects) {
      const policies = changes.flatMap((change) =>
        change.type !== 'delete' && change.next.kind === 'CertificatePolicy'
          ? [objectKey(change.next.namespace, change.next.name)]
          : [],
      );
      if (policies.length === 0) return [];
      return forecastWarnings(policies, planning.wanted(objects, book.all), {
        record: (id) => book.get(id),
        forecast: (orders) => issuance.forecast(orders, wallMs()),
      });
    },
    follow,
    start() {
      if (started) return;
      started = true;
      wantKeys();
      issuers.start();
      schedule.start();
      if (world !== undefined) follow(world);
    },
    async close() {
      schedule.stop();
      clearTimeout(statusTimer);
      await driver.close();
      clearTimeout(statusTimer);
      issuers.close();
      // What was asked of a CA last counts; a store that does not answer must not keep the hub from stopping.
      await Promise.race([issuance.saved(), delay(2_000, undefined, { ref: false })]);
    },
  };
}

/** The one that is served, and the one of the order under way. */
function keysOf({ current, order }: CertificateRecord): readonly WantedKey[] {
  const keys = new Map<string, WantedKey>();
  if (current?.agentKey !== undefined)
    keys.set(current.agentKey, { id: current.agentKey, algorithm: current.key, names: current.names });
  if (order?.agentKey !== undefined)
    keys.set(order.agentKey, { id: order.agentKey, algorithm: order.key, names: order.names });
  return [...keys.values()];
}
