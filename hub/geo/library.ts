import { mkdir, open } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { compareGeo, type GeoDifference } from '../../src/routing/geo-difference.ts';
import { createGeoLookup } from '../../src/routing/geoip.ts';
import type { GeoLookup } from '../../src/routing/model.ts';
import { writeDurably } from '../data-dir.ts';
import type { Actor, Store } from '../store/contract.ts';
import type { GeoFileStore } from '../store/geo-files.ts';
import { checkProof, type GeoProof } from './proof.ts';
import { geoFileIn, keepGeoFiles, openSharedGeo } from './shared-files.ts';

/** A database that was taken in. */
export interface GeoEntry {
  /** Hex. */
  readonly sha256: string;
  readonly octets: number;
  /** RFC 3339. */
  readonly stagedAt: string;
  readonly stagedBy: string;
}

export interface StagedGeo extends GeoEntry {
  readonly state: 'comparing' | 'ready' | 'failed';
  /** Against what was in use when it was compared. */
  readonly difference?: GeoDifference;
  readonly error?: string;
}

export interface GeoStatus {
  /** What locates clients now. `base` is the configured or packaged file. */
  readonly active: { readonly sha256: string; readonly source: 'base' | 'update'; readonly entry?: GeoEntry };
  readonly previous?: { readonly sha256: string; readonly source: 'base' | 'update' };
  readonly staged?: StagedGeo;
}

/**
 * The GeoIP databases of a hub: one in use, the one before it, and one that was staged. Files are named by their SHA-256 in a
 * folder of the data directory; which one is in use stands in the store.
 */
export interface GeoLibrary {
  /** What locates now: another object after each change. */
  current(): GeoLookup;
  /** The same object for good, which asks the current one. */
  readonly lookup: GeoLookup;
  status(): GeoStatus;
  /**
   * Takes a database in and compares it in the background; nothing is answered by it yet.
   * @throws PortolanError GEO_DATABASE_UNTRUSTED, GEO_DATABASE_INVALID, DISK_FULL, GEO_UPDATE_REFUSED while another is compared
   */
  stage(bytes: Uint8Array, proof: GeoProof, actor: Actor): Promise<GeoStatus>;
  /**
   * Puts the staged database into use. @throws PortolanError GEO_UPDATE_REFUSED when it is another one, is not compared, or
   * changes much and was not approved with a reason
   */
  activate(
    sha256: string,
    approval: { readonly approve: boolean; readonly reason?: string | undefined },
    actor: Actor,
  ): Promise<GeoStatus>;
  /** Back to the one before; that can be taken back in the same way. @throws PortolanError GEO_UPDATE_REFUSED without one */
  rollback(reason: string | undefined, actor: Actor): Promise<GeoStatus>;
  /** Part of the file for an agent that lacks it; `undefined` for any but the database in use. */
  read(sha256: string, offset: number, length: number): Promise<GeoChunk | undefined>;
  close(): Promise<void>;
}

export interface GeoChunk {
  readonly total: number;
  readonly content: Uint8Array;
}

export interface GeoLibraryOptions {
  /** Of its own, below the data directory. */
  readonly folder: string;
  readonly store: Pick<Store, 'getMeta' | 'putMeta' | 'recordAudit'>;
  /** The configured or packaged database, and its file. */
  readonly base: { readonly lookup: GeoLookup; readonly file: string };
  /** Where other hubs of the store find what this one takes in; none: it is alone. */
  readonly shared?: GeoFileStore | undefined;
  /** Ed25519 public keys, PEM; with any, only signed databases are taken. */
  readonly trustedKeys: readonly string[];
  readonly wallMs: () => number;
  /** Called after another database came into use. */
  readonly onChange: () => void;
  /** Lets other work of the process go on. */
  readonly breathe: () => Promise<void>;
  readonly log: { warn(details: object, message: string): void };
}

const META = 'geoip';

const entry = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  octets: z.number(),
  stagedAt: z.string(),
  stagedBy: z.string(),
});
/** `null` stands for the base. */
const book = z.object({
  active: entry.nullable(),
  previous: entry.nullable().optional(),
  staged: entry.optional(),
});
type Book = z.output<typeof book>;

/** @throws PortolanError STORE_UNAVAILABLE, DATA_DIR_INVALID */
export async function openGeoLibrary(options: GeoLibraryOptions): Promise<GeoLibrary> {
  const { folder, store, base, log } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const saved = await store.getMeta(META);
  let held: Book = saved === undefined ? { active: null } : book.parse(JSON.parse(saved));
  let active = base.lookup;
  const opened = ({ sha256 }: GeoEntry): Promise<GeoLookup> => openSharedGeo(folder, sha256, options.shared);
  if (held.active !== null) {
    try {
      active = await opened(held.active);
    } catch (err) {
      // It may be whole there: to start without it would be to forget it.
      if (PortolanError.from(err).code === 'STORE_UNAVAILABLE') throw err;
      // Answering by the base beats not answering; agents that have the file keep it until the hub says otherwise.
      log.warn(
        { err, sha256: held.active.sha256 },
        'the GeoIP update in use cannot be read; the base is used',
      );
      held = { ...held, active: null };
    }
  }
  let staged: StagedGeo | undefined;
  let comparison: Promise<void> = Promise.resolve();
  let closed = false;

  const save = async (next: Book): Promise<void> => {
    await store.putMeta(META, JSON.stringify(next));
    held = next;
  };
  /** Writes are few and each depends on the one before. */
  let lane: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = lane.then(work, work);
    lane = done.catch(() => undefined);
    return done;
  };

  const compare = async (candidate: GeoEntry): Promise<void> => {
    const before = active;
    try {
      const steps = compareGeo(before, await opened(candidate));
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done === true) {
          if (staged?.sha256 !== candidate.sha256) return;
          staged = { ...candidate, state: 'ready', difference: step.value };
          return;
        }
        if (closed || staged?.sha256 !== candidate.sha256) return;
        await options.breathe();
      }
    } catch (thrown) {
      staged = { ...candidate, state: 'failed', error: messageOf(thrown) };
    }
  };
  const startComparing = (candidate: GeoEntry): void => {
    staged = { ...candidate, state: 'comparing' };
    comparison = compare(candidate);
  };

  const sourceOf = (of: GeoEntry | null) =>
    of === null
      ? ({ sha256: base.lookup.sha256, source: 'base' } as const)
      : ({ sha256: of.sha256, source: 'update' } as const);
  const status = (): GeoStatus => ({
    active: { ...sourceOf(held.active), ...(held.active === null ? {} : { entry: held.active }) },
    ...(held.previous === undefined ? {} : { previous: sourceOf(held.previous) }),
    ...(staged === undefined ? {} : { staged }),
  });
  const audit = (actor: Actor, verb: string, sha256: string, reason?: string): Promise<void> =>
    store.recordAudit({
      actor,
      verb,
      kind: 'GeoDatabase',
      namespace: '',
      name: sha256.slice(0, 12),
      ...(reason === undefined ? {} : { reason }),
      payload: { sha256 },
    });

  /** Removes files that neither are in use nor can come into use. */
  const removeStrangers = async (): Promise<void> => {
    const wanted = wantedFiles(held);
    await keepGeoFiles(folder, wanted);
    await options.shared?.keepOnly(wanted);
  };

  if (held.staged !== undefined) startComparing(held.staged);
  // Only here: what could not be read may be whole in what is shared.
  await keepGeoFiles(folder, wantedFiles(held));

  return {
    current: () => active,
    lookup: {
      locate: (client) => active.locate(client),
      get sha256() {
        return active.sha256;
      },
      get hasSubdivisions() {
        return active.hasSubdivisions ?? true;
      },
    },
    status,
    stage: (bytes, proof, actor) =>
      inTurn(async () => {
        const sha256 = checkProof(bytes, proof, options.trustedKeys);
        createGeoLookup(bytes); // refuses what is no database of places
        if (sha256 === active.sha256)
          throw new PortolanError('GEO_UPDATE_REFUSED', 'this GeoIP database is in use already', {
            fix: 'There is nothing to do.',
          });
        const candidate: GeoEntry = {
          sha256,
          octets: bytes.length,
          stagedAt: new Date(options.wallMs()).toISOString(),
          stagedBy: actor.display,
        };
        await writeDurably(folder, `${candidate.sha256}.mmdb`, bytes);
        await options.shared?.put(candidate.sha256, bytes);
        await audit(actor, 'geoip.stage', sha256);
        await save({ ...held, staged: candidate });
        startComparing(candidate);
        await removeStrangers();
        return status();
      }),
    activate: (sha256, { approve, reason }, actor) =>
      inTurn(async () => {
        const refuse = (why: string, fix?: string): never => {
          throw new PortolanError('GEO_UPDATE_REFUSED', why, fix === undefined ? {} : { fix });
        };
        if (staged === undefined || staged.sha256 !== sha256)
          return refuse(
            `no GeoIP database ${sha256.slice(0, 12)} is staged`,
            'Stage it with `portolan geoip stage`.',
          );
        const { state, difference, error, ...candidate } = staged;
        if (state === 'comparing')
          return refuse('it is still being compared with the one in use', 'Wait a moment and try again.');
        if (difference === undefined)
          return refuse(`it could not be compared: ${error ?? ''}`, 'Stage another one.');
        const [because] = difference.approvalReasons;
        if (because !== undefined && !approve)
          return refuse(
            `${because}: a person has to approve`,
            'Read `portolan geoip status`; then `portolan geoip activate --approve --reason "…"`.',
          );
        if (because !== undefined && (reason ?? '').trim() === '')
          return refuse(
            `${because}: the approval has no reason`,
            'Say why it may come into use: `portolan geoip activate --approve --reason "…"`.',
          );
        const next = await opened(candidate);
        await audit(actor, because === undefined ? 'geoip.activate' : 'geoip.approve', sha256, reason);
        await save({ active: candidate, previous: held.active });
        staged = undefined;
        active = next;
        options.onChange();
        await removeStrangers();
        return status();
      }),
    rollback: (reason, actor) =>
      inTurn(async () => {
        const target = held.previous;
        if (target === undefined)
          throw new PortolanError('GEO_UPDATE_REFUSED', 'there is no GeoIP database before this one', {
            fix: 'Stage the one you want.',
          });
        const next = target === null ? base.lookup : await opened(target);
        await audit(actor, 'geoip.rollback', next.sha256, reason);
        await save({ ...held, active: target, previous: held.active });
        active = next;
        if (held.staged !== undefined) startComparing(held.staged); // against what is in use now
        options.onChange();
        return status();
      }),
    async read(sha256, offset, length) {
      if (sha256 !== active.sha256) return undefined;
      const file = await open(held.active === null ? base.file : geoFileIn(folder, held.active.sha256), 'r');
      try {
        const { size } = await file.stat();
        const content = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
        const { bytesRead } = await file.read(content, 0, content.length, offset);
        return { total: size, content: content.subarray(0, bytesRead) };
      } finally {
        await file.close();
      }
    },
    async close() {
      closed = true;
      await lane;
      await comparison;
    },
  };
}

const wantedFiles = ({ active, previous, staged }: Book): ReadonlySet<string> =>
  new Set([active, previous, staged].flatMap((one) => (one ? [one.sha256] : [])));
