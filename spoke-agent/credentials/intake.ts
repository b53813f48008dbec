import { setImmediate } from 'node:timers/promises';
import { createSharedKeyTable } from '../../gateway/keys/writer.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { backoffDelayMs } from '../../src/protocol/backoff.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import {
  type FeedPlace,
  type FeedTrust,
  type KeyDelta,
  type KeyPage,
  readDelta,
  readPage,
} from '../../src/protocol/credential-feed.ts';
import type { CredentialDelta, CredentialPage } from '../../src/protocol/generated/portolan_pb.js';
import type { AgentLog } from '../log.ts';
import { follows, type KeyPosition, openKeyFiles } from './files.ts';
import { type JournalFrame, type JournalWriter, openJournal } from './journal.ts';
import type { KeysMessage } from './messages.ts';

export interface CredentialIntakeOptions {
  /** `keyFolder(dataDir)` */
  readonly directory: string;
  /** Read at every use, because the hub rotates its keys. */
  readonly trust: () => FeedTrust;
  /** A page of the hub's; rejects while there is no stream. */
  readonly readPage: (ask: {
    readonly feed: string;
    readonly sequence: number;
    readonly after: Uint8Array;
  }) => Promise<CredentialPage>;
  /** Tells the hub; an empty error says that everything up to there is durable. */
  readonly acknowledge: (place: FeedPlace, error: string) => void;
  readonly tellData: (message: KeysMessage) => void;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly log: AgentLog;
  /** Octets of the journal after which a new image is written; default 4 MiB. */
  readonly journalOctets?: number;
}

/**
 * The way of API keys in the control process: from the hub, verified, onto the disk, and only then acknowledged. It holds no table:
 * a million keys cost it memory only while an image is made.
 */
export interface CredentialIntake {
  /** For Hello: where the keys on the disk stand. */
  readonly place: FeedPlace;
  /**
   * False: no policy here takes keys, so they are neither asked for nor kept up to date.
   * @param unknown the hub has not heard where the keys stand here, so it sends no changes: they are read anew
   */
  want(wanted: boolean, unknown: boolean): void;
  offer(message: CredentialDelta): void;
  /** A new stream: what waits for the hub is tried at once. */
  hubIsBack(): void;
  readonly stats: {
    readonly deltas: number;
    readonly refused: number;
    readonly syncs: number;
    readonly journalOctets: number;
  };
  /** Settles when nothing is being written any more. */
  close(): Promise<void>;
}

const JOURNAL_OCTETS = 4 << 20;
const MAX_WAITING = 1_000;
/** So often the disk is told that nothing is missing, so that a restart knows how old its keys are. */
const REMEMBER_HEARD_MS = 60_000;

/** @throws nothing: what cannot be read is asked for again */
export async function createCredentialIntake(options: CredentialIntakeOptions): Promise<CredentialIntake> {
  const { clock, log } = options;
  const files = openKeyFiles(options.directory, (err) =>
    log.error({ err }, 'keys on the disk cannot be used; the image before it is, or the hub is asked'),
  );
  const limit = options.journalOctets ?? JOURNAL_OCTETS;
  let position: KeyPosition = (await files.load()).position;
  let journal: JournalWriter | undefined;
  let deltas: CredentialDelta[] = [];
  let wanted = false;
  let needsPages = position.mark.feed === '';
  let failures = 0;
  let synced = 0;
  let retry: (() => void) | undefined;
  let working: Promise<void> | undefined;
  let closed = false;
  const stats = { deltas: 0, refused: 0, syncs: 0, journalOctets: 0 };

  const place = (): FeedPlace => {
    const { feed, sequence, hash } = position.mark;
    return { feed, sequence, hash };
  };
  const tellData = (heard: boolean): void =>
    options.tellData({
      type: 'keys',
      mark: position.mark,
      synced,
      heardAgoMs: heard
        ? 0
        : position.heardWallMs === 0
          ? -1
          : Math.max(0, clock.wallMs() - position.heardWallMs),
    });

  const refuse = (error: PortolanError): void => {
    stats.refused += 1;
    log.error({ err: error }, 'a change of API keys was refused; the keys known stay in use');
    options.acknowledge(place(), `${error.code}: ${error.message}`);
  };

  /** @throws PortolanError KEY_FEED_INVALID for what an older start of the hub says */
  const fence = (epoch: number): void => {
    if (epoch >= position.mark.epoch) return;
    throw new PortolanError(
      'KEY_FEED_INVALID',
      `epoch ${epoch} is older than epoch ${position.mark.epoch}, seen before`,
    );
  };

  // --- deltas
  /** What fits the end of what is known; anything else asks for the pages. */
  function accepted(messages: readonly CredentialDelta[]): readonly KeyDelta[] {
    const fitting: KeyDelta[] = [];
    let mark = position.mark;
    for (const message of messages) {
      try {
        const delta = readDelta(message, options.trust());
        fence(delta.epoch);
        if (follows(delta, mark)) {
          fitting.push(delta);
          mark = { ...delta.to, epoch: delta.epoch };
          continue;
        }
        // What a page already brought.
        const old = delta.feed === mark.feed && delta.to.sequence <= mark.sequence;
        const isHead = delta.from.sequence === delta.to.sequence;
        if (!old || isHead) needsPages = true;
      } catch (thrown) {
        refuse(PortolanError.from(thrown));
      }
    }
    return fitting;
  }

  async function take(messages: readonly CredentialDelta[]): Promise<void> {
    const fitting = accepted(messages);
    const last = fitting.at(-1);
    if (last === undefined) return;
    const now = clock.wallMs();
    const moved = last.to.sequence !== position.mark.sequence;
    if (moved || now - position.heardWallMs >= REMEMBER_HEARD_MS) {
      const frames: readonly JournalFrame[] = fitting.map(({ feed, epoch, from, to, entries }) => ({
        feed,
        epoch,
        from: { sequence: from.sequence, hash: from.hash },
        to: { sequence: to.sequence, hash: to.hash },
        wallMs: now,
        entries,
      }));
      journal ??= await openJournal(files.journalPath(position.generation), position.journalEnd);
      // On the disk first: what is acknowledged survives a crash.
      await journal.append(frames);
      stats.journalOctets = journal.octets;
      position = {
        ...position,
        mark: { ...last.to, epoch: last.epoch },
        heardWallMs: now,
        journalEnd: journal.octets,
      };
      stats.deltas += fitting.length;
    }
    tellData(true);
    options.acknowledge(place(), '');
    if (position.journalEnd > limit) await compact();
  }

  /** Image and journal become one image; the data process has all of it already. */
  async function compact(): Promise<void> {
    const { table, position: read } = await files.load();
    if (read.mark.sequence !== position.mark.sequence || read.mark.feed !== position.mark.feed) {
      needsPages = true;
      return;
    }
    await save(table);
  }

  async function save(table: Parameters<typeof files.save>[1]): Promise<void> {
    const { mark, heardWallMs } = position;
    const generation = position.generation + 1;
    await files.save(generation, table, { mark, heardWallMs });
    await journal?.close();
    journal = undefined;
    stats.journalOctets = 0;
    position = { ...position, generation, journalEnd: 0 };
  }

  // --- pages
  async function synchronise(): Promise<void> {
    const before = await files.load();
    // A key that was revoked stays so, whatever a hub that was restored from an old backup says of it.
    const revoked = new Set([...before.revoked, ...before.table.revoked()]);
    const table = createSharedKeyTable({ expected: before.table.size });
    let first: KeyPage | undefined;
    let after: Uint8Array = new Uint8Array();
    let revived = 0;
    do {
      const ask = { feed: first?.place.feed ?? '', sequence: first?.place.sequence ?? 0, after };
      const page = readPage(await options.readPage(ask), options.trust());
      fence(page.epoch);
      first ??= page;
      if (page.place.feed !== first.place.feed || page.place.sequence !== first.place.sequence)
        throw new PortolanError('KEY_FEED_INVALID', 'the pages are of different feeds');
      if (page.place.feed === position.mark.feed && page.place.sequence < position.mark.sequence)
        throw new PortolanError(
          'KEY_FEED_INVALID',
          `sequence ${page.place.sequence} is older than ${position.mark.sequence}, seen before`,
        );
      for (const entry of page.entries) {
        const stays = revoked.has(Buffer.from(entry.digest).toString('hex')) && !entry.revoked;
        if (stays) revived += 1;
        table.apply(stays ? { ...entry, revoked: true } : entry);
      }
      after = page.next;
      await setImmediate();
    } while (after.length > 0 && !closed);
    if (closed) return;
    position = {
      ...position,
      mark: { ...first.place, epoch: first.epoch },
      heardWallMs: clock.wallMs(),
    };
    await save(table);
    needsPages = false;
    synced = position.generation;
    stats.syncs += 1;
    log.info({ keys: table.size, sequence: position.mark.sequence }, 'the API keys were read from the hub');
    if (revived > 0)
      log.warn(
        { keys: revived },
        'the hub lists keys as active that were revoked here before; they stay revoked',
      );
    tellData(true);
    options.acknowledge(place(), '');
  }

  // --- the one at work
  async function work(): Promise<void> {
    while (!closed && wanted) {
      if (needsPages) {
        if (retry !== undefined) return;
        try {
          await synchronise();
          failures = 0;
        } catch (thrown) {
          failed(
            PortolanError.from(thrown),
            'the API keys could not be read from the hub; it is tried again',
          );
          return;
        }
      } else if (deltas.length > 0) {
        const messages = deltas;
        deltas = [];
        try {
          await take(messages);
        } catch (thrown) {
          // What could not be written is not acknowledged; the hub's pages make up for it.
          needsPages = true;
          await journal?.close().catch(() => undefined);
          journal = undefined;
          failed(
            PortolanError.from(thrown),
            'changes of API keys could not be kept; they are asked for again',
          );
          return;
        }
      } else return;
    }
  }

  function failed(error: PortolanError, message: string): void {
    failures += 1;
    stats.refused += error.code === 'KEY_FEED_INVALID' ? 1 : 0;
    if (error.code !== 'HUB_UNREACHABLE') {
      log.warn({ err: error }, message);
      options.acknowledge(place(), `${error.code}: ${error.message}`);
    }
    retry = clock.after(backoffDelayMs(failures, options.random), () => {
      retry = undefined;
      start();
    });
  }

  function start(): void {
    if (closed || !wanted) return;
    working ??= work().finally(() => {
      working = undefined;
      // Something may have come after the last look.
      if (deltas.length > 0 && !needsPages) start();
    });
  }

  return {
    get place() {
      return place();
    },
    stats,
    want(now, unknown) {
      if (now === wanted) return;
      wanted = now;
      if (!wanted) {
        deltas = [];
        return;
      }
      if (unknown) needsPages = true;
      // The data process may have started before this one, or after it.
      if (position.mark.feed !== '') tellData(false);
      start();
    },
    offer(message) {
      if (!wanted || closed) return;
      // While the pages do not come, what waits has a bound; the pages then hold it.
      if (deltas.length >= MAX_WAITING) deltas = [];
      deltas.push(message);
      start();
    },
    hubIsBack() {
      failures = 0;
      retry?.();
      retry = undefined;
      start();
    },
    async close() {
      closed = true;
      retry?.();
      await working;
      await journal?.close();
    },
  };
}
