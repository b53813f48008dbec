import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { CompiledQuery, type Kysely } from 'kysely';
import type { Logger } from 'pino';
import { PortolanError } from '../../src/errors/error.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import type { HubConfig } from '../config.ts';
import { type DataDirectory, openDataDirectory } from '../data-dir.ts';
import { type Hub, startHub } from '../hub.ts';
import { readKeyFile } from '../key-file.ts';
import type { ProviderKinds } from '../providers/provider-connections.ts';
import type { Tables } from '../store/schema.ts';
import type { Election, ElectionClock } from './contract.ts';
import { createKubernetesLease, openLeaseClient } from './kubernetes-lease.ts';
import type { HubMember, Leading } from './leading.ts';
import { createMembers, type MemberInfo, type Members } from './members.ts';
import { createPostgresLease, makeElectionTables } from './postgres-lease.ts';
import { createPublicationWriter } from './publication-writer.ts';
import { type DatabaseSession, openDatabaseSession } from './session.ts';
import { type Standby, startStandby } from './standby.ts';
import { createVouching } from './voucher.ts';

/** A hub among several, and where it listens. */
export interface ElectedHub {
  readonly api: string;
  readonly join: string;
  readonly link: string;
  readonly dns: readonly string[];
  /** When it started. */
  readonly role: 'leader' | 'standby';
  close(): Promise<void>;
}

export interface ElectedHubOptions {
  readonly config: HubConfig;
  readonly version: string;
  readonly log: Logger;
  readonly kinds: ProviderKinds;
  /**
   * This process must act no more, at once: it led and does not any longer, or it cannot lead. A supervisor starts it again, and it
   * stands by.
   */
  readonly end: (reason: string) => void;
}

/** Of the lease's time, how long one statement may take. */
const STATEMENT_SHARE = 0.2;
const SHORTEST_TIMEOUT_MS = 1_000;
const LONGEST_TIMEOUT_MS = 5_000;
/** A leader that stops has so long for what is under way before the next one begins. */
const GIVE_BACK_AFTER_MS = 1_000;

/**
 * Starts a hub that leads when the election says so and stands by otherwise, on the same addresses. Once it leads it does so until the
 * process ends: nothing of a lead that was lost can stay behind in memory.
 */
export async function startElectedHub(options: ElectedHubOptions): Promise<ElectedHub> {
  const { config, version, log } = options;
  const { store, election: settings } = config;
  if (store.kind !== 'postgres')
    throw new PortolanError('CONFIG_INVALID', 'an election needs store.postgres');
  const leaseMs = settings.leaseSeconds * 1_000;
  const identity = settings.identity ?? hostname();
  const incarnation = `${identity}/${randomUUID()}`;
  const wallMs = Date.now;
  const startedAt = new Date(wallMs()).toISOString();
  const clock: ElectionClock = {
    monotonicMs: () => performance.now(),
    after(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  };
  const data = await openDataDirectory(config.dataDir);
  let hub: Hub | undefined;
  let standby: Standby | undefined;
  let taking: Promise<void> | undefined;
  let said: MemberInfo | undefined;
  let closing: Promise<void> | undefined;
  let session: DatabaseSession | undefined;
  let members: Members | undefined;
  let election: Election | undefined;
  try {
    return await start();
  } catch (thrown) {
    await close();
    throw thrown;
  }

  async function start(): Promise<ElectedHub> {
    const kek = await readKeyFile(config.secrets.keyFile);
    session = openDatabaseSession({
      url: store.kind === 'postgres' ? store.url : '',
      timeoutMs: Math.min(LONGEST_TIMEOUT_MS, Math.max(SHORTEST_TIMEOUT_MS, leaseMs * STATEMENT_SHARE)),
      onNotice(what) {
        if (what === 'lease') election?.nudge();
        else if (what === 'members') members?.refresh();
        else standby?.published();
      },
    });
    await makeElectionTables(session);
    members = createMembers({
      session,
      incarnation,
      silentMs: leaseMs,
      clock,
      onChange: () => standby?.membersRead(),
      log,
    });
    members.refresh();
    election = await electionOf(session);
    if (await election.attempt()) {
      // To start takes seconds on a busy machine, and the lease must be renewed meanwhile.
      election.start();
      await lead(config, kek);
    } else {
      standby = await startStandby({
        config,
        version,
        identity,
        data,
        kek,
        members,
        hubs,
        onServed: (sequence) => tell({ sequence }),
        clock,
        wallMs,
        log,
      });
      said = {
        ...infoOf(
          standby.api.url,
          addressOf(standby.join),
          addressOf(standby.link),
          standby.dns.map(addressOf),
        ),
        role: 'standby',
        epoch: standby.epoch,
      };
      await members.say(said).catch(() => undefined);
      log.info({ identity, leader: members.leader?.identity }, 'this hub stands by');
    }
    election.start();
    const at = hub ?? {
      api: standby?.api.url ?? '',
      join: standby === undefined ? '' : addressOf(standby.join),
      link: standby === undefined ? '' : addressOf(standby.link),
      dns: standby?.dns.map(addressOf) ?? [],
    };
    return {
      api: at.api,
      join: at.join,
      link: at.link,
      dns: at.dns,
      role: hub === undefined ? 'standby' : 'leader',
      close,
    };

    function takeOver(): void {
      if (closing !== undefined) return;
      log.info({ identity }, 'this hub was elected and takes over');
      taking = lead(standby === undefined ? config : withPortsOf(config, standby), kek).catch(
        (thrown: unknown) => {
          if (closing !== undefined) return;
          const error = PortolanError.from(thrown);
          log.error({ err: error }, 'this hub was elected and cannot lead');
          void election
            ?.close()
            .finally(() => options.end(`it cannot lead: ${error.code}: ${error.message}`));
        },
      );
    }

    async function electionOf(using: DatabaseSession): Promise<Election> {
      const events = { onLead: takeOver, onLost: options.end };
      if (settings.mode === 'postgres')
        return createPostgresLease({ ...events, session: using, incarnation, leaseMs, clock, log });
      const client = await openLeaseClient();
      return createKubernetesLease({
        ...events,
        client,
        namespace: settings.lease.namespace ?? client.namespace,
        name: settings.lease.name,
        incarnation,
        leaseSeconds: settings.leaseSeconds,
        clock,
        now: () => new Date(wallMs()),
        random: Math.random,
        log,
      });
    }
  }

  async function lead(on: HubConfig, kek: Uint8Array): Promise<void> {
    const advertisedHost =
      settings.advertise.api === undefined ? [] : [new URL(settings.advertise.api).hostname];
    const allowed = { ...on.api, allowedHosts: [...on.api.allowedHosts, ...advertisedHost] };
    hub = await startHub({ ...on, api: allowed }, version, log, options.kinds, leadingWith(kek, data));
    said = { ...infoOf(hub.api, hub.join, hub.link, hub.dns), role: 'leader', epoch: hub.epoch };
    await members?.say(said).catch(() => undefined);
    log.info({ identity, epoch: hub.epoch }, 'this hub leads');
  }

  function leadingWith(kek: Uint8Array, held: DataDirectory): Leading {
    const mayLead = election?.mayLead;
    const vouching = createVouching(kek);
    return {
      data: held,
      ...(mayLead === undefined
        ? {}
        : { mayLead: (tx: Kysely<Tables>) => mayLead((text, values) => queryIn(tx, text, values)) }),
      onOvertaken: options.end,
      async freeAddresses() {
        const before = standby;
        standby = undefined;
        await before?.close();
        return before?.answered;
      },
      publish: (publication, states) =>
        createPublicationWriter({ store: publication, states, kek, clock, log }),
      hubs,
      passedOnFor: (request) => vouching.clientOf(request),
      otherLinks: () => others().flatMap(({ agentLinks }) => agentLinks),
      otherJoinUrls: () => others().flatMap(({ joinUrls }) => joinUrls),
      standbyNameServers: () =>
        others()
          .filter(({ role, dns }) => role === 'standby' && dns.length > 0)
          .map(({ identity: id, dns, sequence }) => ({ id: `hub/${id}`, addresses: dns, sequence })),
    };
  }

  function others() {
    return members?.all.filter((member) => member.incarnation !== incarnation) ?? [];
  }

  function hubs(): readonly HubMember[] {
    return (members?.all ?? []).map(
      ({ identity: id, role, version: of, epoch, api, startedAt: at, ageMs }) => ({
        identity: id,
        role,
        version: of,
        epoch,
        api,
        startedAt: at,
        heardAgoMs: Math.round(ageMs),
      }),
    );
  }

  function infoOf(
    apiUrl: string,
    join: string,
    link: string,
    dns: readonly string[],
  ): Omit<MemberInfo, 'role' | 'epoch'> {
    const portOf = (at: string): string => at.slice(at.lastIndexOf(':') + 1);
    const { advertise } = config.agents;
    const bracketed = advertise.map((host) => (host.includes(':') ? `[${host}]` : host));
    return {
      identity,
      version,
      startedAt,
      api: settings.advertise.api ?? apiUrl,
      join: settings.advertise.join ?? join,
      link: settings.advertise.link ?? link,
      agentLinks: bracketed.map((host) => `${host}:${portOf(link)}`),
      joinUrls: bracketed.map((host) => `https://${host}:${portOf(join)}`),
      dns: [...dns],
      sequence: 0,
    };
  }

  function tell(more: Partial<MemberInfo>): void {
    if (said === undefined || closing !== undefined) return;
    said = { ...said, ...more };
    members?.say(said).catch(() => undefined);
  }

  function close(): Promise<void> {
    closing ??= shutDown();
    return closing;
  }

  async function shutDown(): Promise<void> {
    // A take-over that has begun is finished first: what it opened is closed after it.
    await taking;
    const stopped = Promise.all([hub?.close(), standby?.close()]);
    // What is still under way is refused by the store once another hub has taken its epoch.
    await Promise.race([stopped, delay(GIVE_BACK_AFTER_MS)]);
    await members?.close();
    await election?.close();
    await stopped;
    await session?.close();
    await data.release();
  }
}

async function queryIn(
  tx: Kysely<Tables>,
  text: string,
  values: readonly unknown[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { rows } = await tx.executeQuery<Record<string, unknown>>(CompiledQuery.raw(text, [...values]));
  return rows;
}

/** The ports that this process has already, where the configuration lets the system choose. */
function withPortsOf(config: HubConfig, standby: Standby): HubConfig {
  const onPort = (wanted: ListenAddress, bound: ListenAddress | undefined): ListenAddress =>
    bound === undefined ? wanted : { ...wanted, port: bound.port };
  return {
    ...config,
    api: { ...config.api, port: standby.api.port },
    agents: {
      ...config.agents,
      joinListen: onPort(config.agents.joinListen, standby.join),
      linkListen: onPort(config.agents.linkListen, standby.link),
    },
    dns: { ...config.dns, listen: config.dns.listen.map((wanted, i) => onPort(wanted, standby.dns[i])) },
  };
}

function addressOf({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
