import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { startAdmin } from '../api/admin.ts';
import type { ApiLog } from '../api/app.ts';
import { createApi } from '../api/server.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import type { HubConfig } from '../config.ts';
import type { DataDirectory } from '../data-dir.ts';
import { type DurableStore, openReplica } from '../store/open.ts';
import type { ElectionClock } from './contract.ts';
import type { AnsweredBefore, HubMember } from './leading.ts';
import type { Members } from './members.ts';
import { createPassOn } from './pass-on.ts';
import { createRelay } from './relay.ts';
import { startStandbyDns } from './standby-name-server.ts';
import { createStandbyServices, servicesOf } from './standby-services.ts';
import { createVouching } from './voucher.ts';

export interface StandbyOptions {
  readonly config: HubConfig;
  readonly version: string;
  readonly identity: string;
  readonly data: DataDirectory;
  readonly kek: Uint8Array;
  readonly members: Pick<Members, 'leader'>;
  readonly hubs: () => readonly HubMember[];
  /** It answers DNS from another content. */
  readonly onServed: (sequence: number) => void;
  readonly clock: ElectionClock;
  readonly wallMs: () => number;
  readonly log: ApiLog;
}

/** A hub that stands by: reads from the store, answers DNS, and gives everything else to the one that leads. */
export interface Standby {
  readonly api: ListenAddress & { readonly url: string };
  readonly join: ListenAddress;
  readonly link: ListenAddress;
  readonly dns: readonly ListenAddress[];
  readonly epoch: number;
  /** What its name server answers from; also after it was closed. */
  readonly answered: AnsweredBefore | undefined;
  /** Something new is published. */
  published(): void;
  /** The hubs were read again. */
  membersRead(): void;
  close(): Promise<void>;
}

/** The first hub of a database makes the schema; that takes it a second. */
const SCHEMA_PATIENCE_MS = 20_000;
const DRAIN_MS = 1_000;

/** @throws PortolanError STORE_UNAVAILABLE, STORE_TOO_NEW, KEY_WRONG, NOT_READY, PORT_IN_USE, CONFIG_INVALID */
export async function startStandby(options: StandbyOptions): Promise<Standby> {
  const { config, members, clock, log, wallMs } = options;
  const closers: (() => Promise<void> | void)[] = [];
  let stopping = false;
  const close = async (): Promise<void> => {
    stopping = true;
    for (const closer of closers.splice(0).reverse())
      await Promise.resolve(closer()).catch((err: unknown) => log.warn({ err }, 'closing'));
  };
  try {
    return await start();
  } catch (thrown) {
    await close();
    throw thrown;
  }

  async function start(): Promise<Standby> {
    const onError = (thrown: unknown): void => log.warn({ err: thrown }, PortolanError.from(thrown).message);
    const startedAt = new Date(wallMs()).toISOString();
    const store = await storeOf(options);
    closers.push(() => store.close());
    const leader = (): HubMember | undefined => options.hubs().find(({ role }) => role === 'leader');
    const dns = await startStandbyDns({
      config,
      data: options.data,
      store: store.publication,
      geoFiles: store.geoFiles,
      leaderAgeMs: () => members.leader?.ageMs ?? Number.POSITIVE_INFINITY,
      onServed: options.onServed,
      clock,
      wallMs,
      log,
    });
    closers.push(() => dns.close());
    const { monotonicMs } = clock;
    const join = await createRelay({
      listen: config.agents.joinListen,
      what: 'join listener',
      target: () => members.leader?.join,
      monotonicMs,
      onError,
    });
    closers.push(() => join.close());
    const link = await createRelay({
      listen: config.agents.linkListen,
      what: 'agent link',
      target: () => members.leader?.link,
      monotonicMs,
      onError,
    });
    closers.push(() => link.close());
    const { caFile } = config.election;
    const passOn = createPassOn({
      leader: () => members.leader,
      identity: options.identity,
      vouching: createVouching(options.kek),
      ...(caFile === undefined ? {} : { ca: await readCa(caFile) }),
    });
    const own = createStandbyServices({
      store,
      version: options.version,
      startedAt,
      hubs: options.hubs,
      leader,
      dns,
      nameServers: dns.bound.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
      relays: [
        { listener: 'join', relay: join },
        { listener: 'link', relay: link },
      ],
      passOn,
      stopping: () => stopping,
    });
    const api = createApi({
      store,
      services: servicesOf(own),
      config: config.api,
      clock: { nowMs: wallMs },
      log,
      drainMs: DRAIN_MS,
      passOn,
    });
    const bound = await api.start();
    closers.push(() => api.close());
    // Before the API, which waits for its requests: theirs would wait for a leader that may be frozen.
    closers.push(() => passOn.close());
    if (config.admin !== undefined) {
      const admin = await startAdmin(config.admin.listen, own);
      closers.push(() => admin.close());
    }
    let followed = members.leader?.incarnation;
    return {
      api: bound,
      join,
      link,
      dns: dns.bound,
      epoch: store.epoch,
      get answered() {
        return dns.answered;
      },
      published: () => dns.reader.poke(),
      membersRead() {
        const now = members.leader?.incarnation;
        if (now !== undefined && now !== followed) {
          // Agents of the one before would notice by themselves, after seconds.
          if (followed !== undefined) {
            link.cut();
            passOn.cut();
          }
          followed = now;
        }
        dns.heard();
      },
      close,
    };
  }
}

async function storeOf({ config, kek, wallMs, clock }: StandbyOptions): Promise<DurableStore> {
  const untilMs = clock.monotonicMs() + SCHEMA_PATIENCE_MS;
  for (;;) {
    try {
      return await openReplica(config.store, { kek, wallClock: wallMs, random: randomBytes });
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      if (error.code !== 'NOT_READY' || clock.monotonicMs() > untilMs) throw error;
      await delay(200);
    }
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new PortolanError('CONFIG_INVALID', `election.caFile cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}
