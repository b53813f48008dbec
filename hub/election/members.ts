import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { ElectionClock } from './contract.ts';
import { CHANNEL, type DatabaseSession } from './session.ts';

const count = z.number().int().nonnegative();
const memberInfo = z.object({
  identity: z.string(),
  version: z.string(),
  role: z.enum(['leader', 'standby']),
  /** The store's, which it took or last saw. */
  epoch: count,
  /** RFC 3339, by its own clock. */
  startedAt: z.string(),
  /** `https://host:port`, `host:port`: for other hubs. */
  api: z.string(),
  join: z.string(),
  link: z.string(),
  /** `host:port` under which agents reach it. */
  agentLinks: z.array(z.string()),
  joinUrls: z.array(z.string()),
  /** Where its name server answers, and from which content sequence; 0: it says SERVFAIL. */
  dns: z.array(z.string()),
  sequence: count,
});

/** What a hub says of itself, every second. */
export type MemberInfo = Readonly<z.output<typeof memberInfo>>;

export interface Member extends MemberInfo {
  readonly incarnation: string;
  /** Milliseconds since it was heard, by the database's clock when it was asked and this process's since. */
  readonly ageMs: number;
}

export interface MembersOptions {
  readonly session: Pick<DatabaseSession, 'query'>;
  readonly incarnation: string;
  /** A member that was not heard for so long is not counted on. */
  readonly silentMs: number;
  readonly clock: ElectionClock;
  readonly onChange: () => void;
  readonly log: { warn(details: object, message: string): void };
}

/** The hubs of one database, each heard every second; kept in it, so that nobody needs to know them beforehand. */
export interface Members {
  /** All that were heard lately, this one too; the leader first, then by identity. */
  readonly all: readonly Member[];
  /** The one that leads, if it was heard lately. Of two that say so, the higher epoch. */
  readonly leader: Member | undefined;
  /** Says something else of this hub from now on, and at once. */
  say(info: MemberInfo): Promise<void>;
  /** Somebody has said something. */
  refresh(): void;
  /** Milliseconds since the database was read; infinite at first. */
  readonly ageMs: number;
  close(): Promise<void>;
}

const BEAT_MS = 1_000;
/** Rows of hubs that are gone. */
const FORGOTTEN = '1 day';
const LATELY = '1 hour';

const rowSchema = z.array(z.object({ incarnation: z.string(), info: z.string(), age_ms: z.coerce.number() }));

export function createMembers(options: MembersOptions): Members {
  const { session, incarnation, clock, log } = options;
  let said: MemberInfo | undefined;
  let heard: readonly (MemberInfo & { readonly incarnation: string; readonly heardMs: number })[] = [];
  let readMs = Number.NEGATIVE_INFINITY;
  let cancel: () => void = () => undefined;
  let beating: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let silent = false;

  async function beat(): Promise<void> {
    const sentMs = clock.monotonicMs();
    if (said !== undefined)
      await session.query(
        `insert into hub_members (incarnation, info, seen_at) values ($1, $2, clock_timestamp())
         on conflict (incarnation) do update set info = excluded.info, seen_at = excluded.seen_at`,
        [incarnation, JSON.stringify(said)],
      );
    const rows = rowSchema.parse(
      await session.query(
        `select incarnation, info, extract(epoch from clock_timestamp() - seen_at) * 1000 as age_ms
         from hub_members where seen_at > clock_timestamp() - interval '${LATELY}'`,
        [],
      ),
    );
    readMs = sentMs;
    heard = rows.flatMap(({ incarnation: id, info, age_ms }) => {
      const parsed = memberInfo.safeParse(JSON.parse(info));
      return parsed.success ? [{ ...parsed.data, incarnation: id, heardMs: sentMs - age_ms }] : [];
    });
    options.onChange();
  }

  function run(): Promise<void> {
    if (beating !== undefined) {
      again = true;
      return beating;
    }
    cancel();
    beating = beat()
      .then(
        () => {
          silent = false;
        },
        (thrown: unknown) => {
          if (!silent)
            log.warn({ err: PortolanError.from(thrown) }, 'the hubs of this database cannot be read');
          silent = true;
          options.onChange();
        },
      )
      .finally(() => {
        beating = undefined;
        if (closed) return;
        if (again) {
          again = false;
          void run();
        } else cancel = clock.after(BEAT_MS, () => void run());
      });
    return beating;
  }

  const all = (): readonly Member[] => {
    const nowMs = clock.monotonicMs();
    return heard
      .map(({ heardMs, ...member }) => ({ ...member, ageMs: Math.max(0, nowMs - heardMs) }))
      .filter(({ ageMs }) => ageMs < options.silentMs)
      .toSorted(
        (a, b) =>
          Number(b.role === 'leader') - Number(a.role === 'leader') ||
          b.epoch - a.epoch ||
          (a.identity < b.identity ? -1 : 1),
      );
  };

  return {
    get all() {
      return all();
    },
    get leader() {
      const first = all()[0];
      return first?.role === 'leader' ? first : undefined;
    },
    async say(info) {
      const role = said?.role;
      said = info;
      await run();
      if (role !== info.role) await notice(session, 'members').catch(() => undefined);
    },
    refresh() {
      if (!closed) void run();
    },
    get ageMs() {
      return clock.monotonicMs() - readMs;
    },
    async close() {
      if (closed) return;
      closed = true;
      cancel();
      await beating;
      await session
        .query(
          `delete from hub_members where incarnation = $1 or seen_at < clock_timestamp() - interval '${FORGOTTEN}'`,
          [incarnation],
        )
        .then(() => notice(session, 'members'))
        .catch(() => undefined);
    },
  };
}

/** Tells all hubs of the database. */
async function notice(session: Pick<DatabaseSession, 'query'>, what: string): Promise<void> {
  await session.query(`select pg_notify('${CHANNEL}', $1)`, [what]);
}
