import { openGeoDatabase } from '../../nameserver/geo-database.ts';
import { createRoutedTable } from '../../nameserver/routed-table.ts';
import { createNameService, type NameService, type ServedTable } from '../../nameserver/service.ts';
import { transferPlan } from '../../nameserver/transfer-plan.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { createStateView, type StateViewInput } from '../../src/health/state-view.ts';
import type { GeoLookup, StateView } from '../../src/routing/model.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import type { HubConfig } from '../config.ts';
import type { DataDirectory } from '../data-dir.ts';
import { keepGeoFiles, openSharedGeo } from '../geo/shared-files.ts';
import type { GeoFileStore } from '../store/geo-files.ts';
import type { PublicationStore } from '../store/publication.ts';
import type { ElectionClock } from './contract.ts';
import type { AnsweredBefore } from './leading.ts';
import {
  createPublicationReader,
  type FollowedContent,
  type PublicationReader,
} from './publication-reader.ts';

export interface StandbyNameServerOptions {
  readonly config: Pick<HubConfig, 'dns' | 'geo'>;
  readonly data: Pick<DataDirectory, 'file'>;
  readonly store: Pick<PublicationStore, 'read'>;
  /** GeoIP updates; none: there are those of the folder alone. */
  readonly geoFiles: Pick<GeoFileStore, 'read'> | undefined;
  /** Milliseconds since the leader was heard; infinite while none is known. */
  readonly leaderAgeMs: () => number;
  /** It answers from another content now. */
  readonly onServed: (sequence: number) => void;
  readonly clock: ElectionClock;
  readonly wallMs: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** The name server of a hub that stands by: answers from what the leader published last, also when nobody leads any more. */
export interface StandbyDns {
  readonly bound: readonly ListenAddress[];
  /** Content sequence it answers from; 0: none yet, it says SERVFAIL. */
  readonly sequence: number;
  /** What it answers from; also after it was closed. `undefined`: nothing yet. */
  readonly answered: AnsweredBefore | undefined;
  readonly reader: Pick<PublicationReader, 'poke' | 'readAgeMs' | 'epoch' | 'states'>;
  readonly stats: NameService['stats'];
  /** The leader was heard again. */
  heard(): void;
  close(): Promise<void>;
}

/** Until a GeoIP database that could not be read is looked for again. */
const GEO_AGAIN_MS = 10_000;

export async function startStandbyDns(options: StandbyNameServerOptions): Promise<StandbyDns> {
  const { config, clock, log } = options;
  const base = await openGeoDatabase(config.geo.database);
  let geo: GeoLookup = base;
  let serving = 0;
  let answered: ServedTable | undefined;
  let newest = 0;
  let cancelAgain: () => void = () => undefined;
  const folder = options.data.file('geoip');
  let heardMs = Number.NEGATIVE_INFINITY;
  let input: StateViewInput = {
    targets: new Map(),
    drains: new Map(),
    lastHealthy: new Map(),
    takenAtMs: 0,
    freshAtMs: Number.NEGATIVE_INFINITY,
  };
  let view = createStateView(input, clock.monotonicMs);
  const currentView = (): StateView => view;

  const names = await createNameService({
    listen: config.dns.listen,
    settings: config.dns,
    states: () => input,
    monotonicMs: clock.monotonicMs,
    wallMs: options.wallMs,
    log,
  });

  /** The leader's database: an update lies in the store, so that every hub has it. */
  async function geoOf(sha256: string): Promise<GeoLookup> {
    if (geo.sha256 === sha256) return geo;
    if (base.sha256 === sha256) return base;
    try {
      const found = await openSharedGeo(folder, sha256, options.geoFiles);
      await keepGeoFiles(folder, new Set([sha256, geo.sha256]));
      return found;
    } catch (err) {
      log.warn(
        { err, sha256, has: geo.sha256 },
        'this hub has another GeoIP database than the leader, and answers by it',
      );
      return geo;
    }
  }

  async function serve(content: FollowedContent): Promise<void> {
    const { routing, dns } = content;
    cancelAgain();
    newest += 1;
    const mine = newest;
    const lookup = await geoOf(routing.geoSha256);
    if (mine !== newest) return;
    // The store may have been away; a base file that only the leader has never comes, and costs a look now and then.
    if (lookup.sha256 !== routing.geoSha256)
      cancelAgain = clock.after(GEO_AGAIN_MS, () => void serve(content).catch(unserved));
    geo = lookup;
    const { zones, policies, regions, sequence } = routing;
    const { signing, tsigKeys } = dns;
    const { table, problems } = createRoutedTable({
      routing,
      signing,
      geo: lookup,
      view: currentView,
      random: Math.random,
    });
    for (const problem of problems) log.warn({ path: problem.path, code: problem.code }, problem.message);
    const next: ServedTable = {
      sequence,
      table,
      transfers: transferPlan(zones, tsigKeys),
      geo: lookup,
      input: { routing: { policies, regions, sequence }, signing },
    };
    await names.serve(next);
    answered = next;
    serving = sequence;
    options.onServed(sequence);
  }

  function unserved(thrown: unknown): void {
    log.warn({ err: PortolanError.from(thrown) }, 'what the leading hub published cannot be served');
  }

  function look(content?: object): void {
    const { states } = reader;
    if (states === undefined) return;
    const ageMs = options.leaderAgeMs();
    if (Number.isFinite(ageMs)) heardMs = clock.monotonicMs() - ageMs;
    input = { ...states, freshAtMs: heardMs };
    view = createStateView(input, clock.monotonicMs, content);
    names.statesChanged();
  }

  const reader = createPublicationReader({
    store: options.store,
    onStates: () => look(),
    onContent: (content) => void serve(content).catch(unserved),
    clock,
    log,
  });
  const bound = await names.start();
  reader.start();

  return {
    bound,
    get sequence() {
      return serving;
    },
    get answered() {
      return answered === undefined ? undefined : { served: answered, states: input };
    },
    reader,
    stats: () => names.stats(),
    // The same content: only how fresh it is has changed.
    heard: () => look(view.content),
    async close() {
      await reader.close();
      newest += 1;
      cancelAgain();
      await names.close();
    },
  };
}
