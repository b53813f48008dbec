import type { WantedText } from '../../src/certificates/dns-challenge.ts';
import type { AnswerTable } from '../../src/dns/table.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { DnsPart, RoutingPart } from '../../src/protocol/snapshot.ts';
import type { GeoLookup, StateView } from '../../src/routing/model.ts';
import { contentWithTexts } from '../certificates/dns-01/embedded-texts.ts';
import type { CaBundles } from './ca-bundles.ts';
import type { HubHealth } from './health.ts';
import type { Leadership } from './leadership.ts';
import type { NameServerSecrets } from './name-server-secrets.ts';
import { NO_OBJECTS, type Objects } from './objects.ts';
import type { Publisher } from './publisher.ts';
import { buildWorld, routingContent, sameRouting, type World, type WorldContext } from './world.ts';

/** Compiles what the hub's own name server answers from. */
export type CompileTable = (
  routing: RoutingPart,
  geo: GeoLookup,
  view: () => StateView,
  dns: DnsPart,
) => AnswerTable;

export interface WorldPublicationOptions {
  readonly publisher: Publisher;
  readonly leadership: Leadership;
  readonly context: WorldContext;
  /** What locates clients now: another object once it is another database. */
  readonly geo: () => GeoLookup;
  readonly health: Pick<HubHealth, 'setPolicies' | 'setTargets' | 'view'>;
  readonly caBundles: Pick<CaBundles, 'refresh'>;
  readonly compileTable: CompileTable;
  readonly nameServerSecrets: NameServerSecrets;
  /** Challenges of certificates that are to be answered beside what people wrote. */
  readonly challenges?: ChallengeSource | undefined;
  readonly wallMs: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** Texts of challenges for the zones that are published. */
export interface ChallengeSource {
  /** The same array as long as nothing changed. */
  readonly texts: readonly WantedText[];
  /** These are live, wherever a Zone can hold them, since this content sequence or an earlier one. */
  published(texts: readonly WantedText[], sequence: number): void;
}

const NO_TEXTS: readonly WantedText[] = [];

/** The world made of the stored objects, and what of it is live: the content under its sequence, and the table. */
export interface WorldPublication {
  readonly world: World;
  readonly table: AnswerTable;
  /** What name servers hold to serve the live content. */
  readonly dns: DnsPart;
  /**
   * Moves on to these objects: publishes what answers otherwise, and tells health what to judge. When it rejects, world and table are
   * as before and the same objects can be tried again. @throws PortolanError CONFLICT when another hub took over
   */
  advance(objects: Objects): Promise<void>;
  /** Moves on to objects of which only statuses changed: nothing is published. */
  adopt(objects: Objects): void;
}

export function createWorldPublication(
  options: WorldPublicationOptions,
  emptyTable: AnswerTable,
): WorldPublication {
  const { publisher, leadership, context, health, log } = options;
  let world = buildWorld(NO_OBJECTS, context);
  let table = emptyTable;
  /** Sequence the table was compiled from; a table that could not be compiled is tried again. */
  let compiledSequence: number | undefined;
  /** The database `table` locates by. */
  let compiledGeo: GeoLookup | undefined;
  /** The secrets that belong to `table`. */
  let dns: DnsPart = options.nameServerSecrets.part;
  /** The challenges in the live content. */
  let liveTexts = NO_TEXTS;
  /** The same function at every publication, so that what did not change of the table can stay. */
  const currentView = (): StateView => health.view;

  async function publish(next: World, texts: readonly WantedText[]): Promise<void> {
    if (!(await leadership.confirm())) throw new PortolanError('CONFLICT', leadership.lost ?? '');
    const geo = options.geo();
    const routing = routingContent(next, context, geo.sha256, options.nameServerSecrets.digests);
    const published = await publisher.publish(contentWithTexts(routing, next, texts));
    const { content, sequence } = published;
    const { part } = options.nameServerSecrets;
    if (sequence === compiledSequence && part === dns) return;
    table = options.compileTable(
      { ...content, sequence, drains: [], issuedAtMs: options.wallMs() },
      geo,
      currentView,
      part,
    );
    compiledSequence = sequence;
    compiledGeo = geo;
    dns = part;
    health.setPolicies(content.policies, context.regions);
    for (const [policy, entry] of next.policies) {
      const first = entry.violations[0];
      if (first !== undefined && world.policies.get(policy)?.inputs !== entry.inputs)
        log.warn({ policy, path: first.path, code: first.code }, `not answered: ${first.message}`);
    }
    log.info({ sequence, zones: content.zones.length, policies: content.policies.length }, 'published');
  }

  return {
    get world() {
      return world;
    },
    get table() {
      return table;
    },
    get dns() {
      return dns;
    },
    async advance(objects) {
      const next = buildWorld(objects, context, world);
      // First the keys: a zone that should be signed must never be published without them.
      await options.nameServerSecrets.follow(next);
      const sameSecrets = options.nameServerSecrets.part === dns;
      const texts = options.challenges?.texts ?? NO_TEXTS;
      const sameInputs = sameSecrets && texts === liveTexts && compiledGeo === options.geo();
      const same = sameInputs && sameRouting(world, next);
      if (compiledSequence === undefined || !same) await publish(next, texts);
      liveTexts = texts;
      if (publisher.live !== undefined) {
        options.nameServerSecrets.published(publisher.live.sequence);
        options.challenges?.published(texts, publisher.live.sequence);
      }
      world = next;
      const targets = [...world.targets.values()];
      health.setTargets(targets);
      await options.caBundles.refresh(targets).catch((thrown: unknown) => {
        // The checks that need it have no verdict here; that must not hold up everything else.
        log.warn({ err: PortolanError.from(thrown) }, 'CA bundles of checks cannot be read');
      });
    },
    adopt(objects) {
      world = buildWorld(objects, context, world);
    },
  };
}
