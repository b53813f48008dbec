import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, openAuthority } from '../../hub/agents/authority.ts';
import { createEnrolment, type Enrolment } from '../../hub/agents/enrolment.ts';
import {
  createJoinListener,
  type JoinListener,
  type JoinListenerOptions,
} from '../../hub/agents/join-listener.ts';
import { createHubCertificate, type HubCertificate } from '../../hub/agents/server-certificate.ts';
import type { Store } from '../../hub/store/contract.ts';
import { openStore } from '../../hub/store/open.ts';
import { formatJoinToken, joinSecretSha256, newJoinSecret } from '../../src/identity/join-token.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';

/** Real time, except that the wall clock can be set off by `wallOffsetMs`. */
export interface TestClock extends LinkClock {
  wallOffsetMs: number;
}

export function testClock(): TestClock {
  const clock: TestClock = {
    wallOffsetMs: 0,
    wallMs: () => Date.now() + clock.wallOffsetMs,
    monotonicMs: () => performance.now(),
    after(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  };
  return clock;
}

/** A hub's store, keys and join listener on loopback, with nothing else of the hub. */
export interface HubIdentityWorld extends AsyncDisposable {
  readonly folder: string;
  readonly store: Store;
  readonly authority: Authority;
  readonly enrolment: Enrolment;
  readonly certificate: HubCertificate;
  readonly clock: TestClock;
  readonly joinUrl: string;
  /** Set before an agent joins; what the hub tells agents to dial. */
  linkAddresses: string[];
  /** A cluster and a join token for it. */
  newToken(
    name: string,
    options?: { readonly lifeMs?: number; readonly pins?: readonly string[] },
  ): Promise<string>;
  newListener(overrides?: Partial<JoinListenerOptions>): Promise<JoinListener>;
  dataDir(name: string): string;
}

const tester = { id: 'hub', display: 'test' };

export async function startHubIdentity(): Promise<HubIdentityWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-test-'));
  const clock = testClock();
  const store = await openStore(
    { kind: 'sqlite', file: join(folder, 'hub.db') },
    { kek: randomBytes(32), wallClock: clock.wallMs, random: randomBytes },
  );
  const sealing = {
    seal: (text: string) => Buffer.from(text).toString('base64'),
    open: (text: string) => Buffer.from(text, 'base64').toString(),
  };
  const authority = await openAuthority({ store, sealing, randomBytes, nowMs: clock.wallMs() });
  const fail = (error: unknown): void => {
    throw error;
  };
  const certificate = await createHubCertificate(authority.ca, clock, fail);
  const linkAddresses = ['127.0.0.1:1'];
  const world = { linkAddresses };
  const enrolment = createEnrolment({
    authority,
    store,
    wallMs: clock.wallMs,
    randomBytes,
    linkAddresses: () => world.linkAddresses,
  });
  const listeners: JoinListener[] = [];
  const newListener = async (overrides: Partial<JoinListenerOptions> = {}): Promise<JoinListener> => {
    const listener = await createJoinListener({
      listen: { host: '127.0.0.1', port: 0 },
      certificate,
      caBundlePem: authority.caBundlePem,
      enrolment,
      clock,
      budget: { burst: 1_000, perSecond: 1_000, maxSources: 10 },
      ...overrides,
    });
    listeners.push(listener);
    return listener;
  };
  const main = await newListener();
  const joinUrl = `https://127.0.0.1:${main.port}`;
  return Object.assign(world, {
    folder,
    store,
    authority,
    enrolment,
    certificate,
    clock,
    joinUrl,
    newListener,
    dataDir: (name: string) => join(folder, 'agents', name),
    async newToken(
      name: string,
      options: { readonly lifeMs?: number; readonly pins?: readonly string[] } = {},
    ) {
      const key = { kind: 'Cluster', namespace: 'default', name } as const;
      let cluster = await store.get(key);
      if (cluster === undefined) {
        const spec = { location: { country: 'DE' }, addresses: [] };
        await store.commit([{ type: 'create', key, spec }], { actor: tester });
        cluster = await store.get(key);
      }
      if (cluster === undefined) throw new Error('the cluster is not there');
      const clusterUid = cluster.metadata.uid;
      const { id, secret } = newJoinSecret(randomBytes);
      await store.createJoinToken(
        {
          id,
          cluster: key,
          clusterUid,
          expiresAt: new Date(clock.wallMs() + (options.lifeMs ?? 600_000)).toISOString(),
          secretSha256: joinSecretSha256(secret),
        },
        tester,
      );
      return formatJoinToken({
        clusterUid,
        cluster: { namespace: 'default', name },
        urls: [joinUrl],
        id,
        secret,
        caSpkiSha256: options.pins ?? authority.caSpkiSha256,
      });
    },
    async [Symbol.asyncDispose]() {
      for (const listener of listeners) await listener.close();
      certificate.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

/** Resolves when `holds` does; a bound in time, no fixed sleep. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
