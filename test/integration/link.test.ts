import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type AgentLinkServer,
  type AgentLinkServerOptions,
  createAgentLinkServer,
} from '../../hub/agents/link-server.ts';
import type { AgentSession } from '../../hub/agents/link-session.ts';
import { type AgentIdentityHolder, openIdentity } from '../../spoke-agent/identity-files.ts';
import { joinCluster } from '../../spoke-agent/join.ts';
import { createHubLink, type HubLink } from '../../spoke-agent/link.ts';
import type { PortolanError } from '../../src/errors/error.ts';
import {
  AgentLink,
  type AgentMessage,
  AgentMessageSchema,
  AgentStatusSchema,
  HelloSchema,
  type HubMessage,
  HubMessageSchema,
  ObservationBatchSchema,
  QuotaRequestSchema,
  RenewResponseSchema,
  SnapshotAckSchema,
  UsageBatchSchema,
  VoteBatchSchema,
  WelcomeSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import { openStream } from '../../src/protocol/grpc.ts';
import { createMutualTlsServer } from '../../src/protocol/mutual-tls.ts';
import { type HubIdentityWorld, startHubIdentity, testClock, until } from './agent-world.ts';
import { startRelay } from './tcp-relay.ts';

let hub: HubIdentityWorld;
let server: AgentLinkServer;
let heard: string[];
let sessionsSeen: AgentSession[];
let closings: { readonly session: AgentSession; readonly code: string; readonly atMs: number }[];
const links: HubLink[] = [];

const startServer = (overrides: Partial<AgentLinkServerOptions> = {}): Promise<AgentLinkServer> =>
  createAgentLinkServer({
    listen: { host: '127.0.0.1', port: 0 },
    certificate: hub.certificate,
    caBundlePem: hub.authority.caBundlePem,
    store: hub.store,
    enrolment: hub.enrolment,
    geo: { read: async () => undefined },
    credentials: {
      page: () => Promise.reject(new Error('no keys here')),
      find: () => Promise.reject(new Error('no keys here')),
    },
    clock: hub.clock,
    hubVersion: '1.2.3',
    onError: () => undefined,
    handlers: {
      onHello: (session) => void sessionsSeen.push(session),
      onVotes: (session, batch) => void heard.push(`votes ${session.clusterKey} ${batch.sequence}`),
      onStatus: (session, value) => void heard.push(`status ${session.clusterKey} ${value.snapshotHash}`),
      onSnapshotAck: (session, ack) => void heard.push(`ack ${session.clusterKey} ${ack.version}`),
      onObservations: (session, batch) => void heard.push(`observations ${session.clusterKey} ${batch.id}`),
      onCredentialAck: (session, ack) => void heard.push(`keys ${session.clusterKey} ${ack.sequence}`),
      onUsage: (session, batch) =>
        void heard.push(`usage ${session.clusterKey} ${batch.outbox} ${batch.sequence}`),
      onInventory: () => undefined,
      onCertificateRequests: (session, { requests }) =>
        void heard.push(`requests ${session.clusterKey} ${requests.length}`),
      onQuota: (session, { session: of }) => void heard.push(`quota ${session.clusterKey} ${of}`),
      onClosed: (session, reason) =>
        void closings.push({ session, code: reason.code, atMs: performance.now() }),
    },
    ...overrides,
  });

beforeEach(async () => {
  heard = [];
  sessionsSeen = [];
  closings = [];
  hub = await startHubIdentity();
  server = await startServer();
  hub.linkAddresses = [`127.0.0.1:${server.port}`];
});
afterEach(async () => {
  for (const link of links.splice(0)) link.close();
  await server.close();
  await hub[Symbol.asyncDispose]();
});

const joined = async (name: string): Promise<AgentIdentityHolder> => {
  await joinCluster({
    token: await hub.newToken(name),
    dataDir: hub.dataDir(name),
    wallMs: hub.clock.wallMs,
  });
  return await openIdentity(hub.dataDir(name));
};

interface Agent {
  readonly link: HubLink;
  readonly events: string[];
  readonly downs: { readonly error: PortolanError; readonly atMs: number }[];
}

function linkFor(identity: AgentIdentityHolder, incarnation = 'i1', hubAddresses?: readonly string[]): Agent {
  const events: string[] = [];
  const downs: Agent['downs'] = [];
  const link = createHubLink({
    identity,
    clock: testClock(),
    random: Math.random,
    hello: () => create(HelloSchema, { agentVersion: '0.1.0', incarnation }),
    ...(hubAddresses === undefined ? {} : { hubAddresses }),
    on: {
      welcome: (w) => void events.push(`welcome ${w.hubVersion} ${w.hubUid}`),
      snapshot: (s) => void events.push(`snapshot ${s.manifest.length}`),
      decisions: (d) => void events.push(`decisions ${d.sequence}`),
      faults: (f) => void events.push(`faults ${f.faults.length}`),
      observe: (o) => void events.push(`observe ${o.id}`),
      credentials: (d) => void events.push(`credentials ${d.body.length}`),
      usageAck: (ack) => void events.push(`usage ${ack.outbox} ${ack.sequence}`),
      quota: (reply) => void events.push(`quota ${reply.session}`),
      up: () => void events.push('up'),
      down: (error) => {
        events.push(`down ${error.code}`);
        downs.push({ error, atMs: performance.now() });
      },
      renewed: (failure) => void events.push(`renewed ${failure?.code ?? 'ok'}`),
    },
  });
  links.push(link);
  return { link, events, downs };
}

const up = (agent: Agent): Promise<void> => until('the link is up', () => agent.link.isUp());
const decisions = (sequence: number, octets = 0): HubMessage =>
  create(HubMessageSchema, {
    kind: {
      case: 'decisions',
      value: {
        sequence: BigInt(sequence),
        decisions: octets === 0 ? [] : [{ targetId: 't', reason: 'x'.repeat(octets) }],
      },
    },
  });

describe('the agent link', () => {
  it('hands out the GeoIP database in use in parts, and no other', async () => {
    const file = randomBytes(700);
    await server.close();
    server = await startServer({
      geo: {
        read: async (sha256, offset) =>
          sha256 === 'in-use' ? { total: 700, content: file.subarray(offset, offset + 500) } : undefined,
      },
    });
    hub.linkAddresses = [`127.0.0.1:${server.port}`];
    const agent = linkFor(await joined('fra'));
    await expect(agent.link.geoDatabase('in-use', 0)).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
    await up(agent);
    const first = await agent.link.geoDatabase('in-use', 0);
    const rest = await agent.link.geoDatabase('in-use', first.content.length);
    expect(first.total).toBe(700);
    expect(Buffer.concat([first.content, rest.content]).equals(file)).toBe(true);
    await expect(agent.link.geoDatabase('other', 0)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('greets first, then carries every message both ways', async () => {
    const agent = linkFor(await joined('fra'));
    await up(agent);
    expect(agent.events).toEqual(['up', `welcome 1.2.3 ${hub.store.hubUid}`]);
    const [session] = server.sessions();
    expect(session).toMatchObject({ clusterKey: 'default/fra', incarnation: 'i1' });
    const kinds: readonly HubMessage['kind'][] = [
      {
        case: 'snapshot',
        value: {
          $typeName: 'portolan.v1.Snapshot',
          manifest: Buffer.alloc(3),
          signature: Buffer.alloc(0),
          keyId: '',
          parts: [],
          pieces: [],
        },
      },
      { case: 'faults', value: { $typeName: 'portolan.v1.FaultLeases', faults: [] } },
      { case: 'observe', value: { $typeName: 'portolan.v1.Observe', id: 'o1', questions: [] } },
    ];
    session?.send(decisions(7));
    for (const kind of kinds) session?.send(create(HubMessageSchema, { kind }));
    await until('all arrived', () => agent.events.length === 6);
    expect(agent.events.slice(2)).toEqual(['decisions 7', 'snapshot 3', 'faults 0', 'observe o1']);
    expect(agent.link.sendVotes(create(VoteBatchSchema, { sequence: 4n }))).toBe(true);
    expect(agent.link.sendStatus(create(AgentStatusSchema, { snapshotHash: 'h' }))).toBe(true);
    expect(agent.link.sendAck(create(SnapshotAckSchema, { version: 5n }))).toBe(true);
    expect(agent.link.sendObservations(create(ObservationBatchSchema, { id: 'o1' }))).toBe(true);
    expect(agent.link.sendUsage(create(UsageBatchSchema, { outbox: 'b1', sequence: 7n }))).toBe(true);
    expect(agent.link.sendQuota(create(QuotaRequestSchema, { session: 's1' }))).toBe(true);
    await until('all arrived at the hub', () => heard.length === 6);
    expect(heard).toEqual([
      'votes default/fra 4',
      'status default/fra h',
      'ack default/fra 5',
      'observations default/fra o1',
      'usage default/fra b1 7',
      'quota default/fra s1',
    ]);
    expect(agent.link.lastHeardAgeMs()).toBeLessThan(5_000);
  });

  it('carries a snapshot larger than any default limit in one message', async () => {
    const agent = linkFor(await joined('fra'));
    await up(agent);
    const manifest = Buffer.alloc(24 * 1024 * 1024, 1);
    const value = {
      $typeName: 'portolan.v1.Snapshot' as const,
      manifest,
      signature: Buffer.alloc(0),
      keyId: '',
      parts: [],
      pieces: [],
    };
    server.sessions()[0]?.send(create(HubMessageSchema, { kind: { case: 'snapshot', value } }));
    await until('it arrived', () => agent.events.includes(`snapshot ${manifest.length}`));
  });

  it('comes back by itself when the connection breaks', async () => {
    await using relay = await startRelay(server);
    const agent = linkFor(await joined('fra'), 'i1', [relay.address]);
    await up(agent);
    relay.cut();
    await until('it is down, then up', () => agent.events.filter((e) => e === 'up').length === 2);
    expect(server.sessions()).toHaveLength(1);
  });

  it('tries the other hub address when one is dead', async () => {
    const agent = linkFor(await joined('fra'), 'i1', ['127.0.0.1:1', `127.0.0.1:${server.port}`]);
    await up(agent);
    expect(agent.downs.map((d) => d.error.code)).toEqual(['HUB_UNREACHABLE']);
  });

  it('notices a hub that ends the stream without a reason', async () => {
    const identity = await joined('fra');
    let greeted = 0;
    const rude = createMutualTlsServer({
      service: AgentLink,
      identity: { caPem: hub.authority.caBundlePem, ...hub.certificate.current() },
      clock: hub.clock,
      handlers: {
        connect(call) {
          greeted += 1;
          const value = create(WelcomeSchema, { hubUid: hub.store.hubUid });
          call.write(create(HubMessageSchema, { kind: { case: 'welcome', value } }));
          call.end();
        },
        renew: (_, reply) => reply(null, create(RenewResponseSchema)),
        geoDatabase: (_, reply) => reply({ code: 5 }),
        credentials: (_, reply) => reply({ code: 5 }),
        findKey: (_, reply) => reply({ code: 5 }),
      },
    });
    const intake = createServer((socket) => rude.accept(socket));
    await new Promise<void>((resolve) => intake.listen(0, '127.0.0.1', resolve));
    const address = intake.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    const agent = linkFor(identity, 'i1', [`127.0.0.1:${address.port}`]);
    await until('it tried again', () => greeted > 1);
    expect(agent.downs[0]?.error.code).toBe('HUB_UNREACHABLE');
    agent.link.close();
    rude.close();
    await new Promise((resolve) => intake.close(resolve));
  });

  // After 2.5 s of silence; the rest is for a machine that does much else.
  it('both ends notice a black hole within seconds, and the agent comes back when it is gone', async () => {
    await using relay = await startRelay(server);
    const agent = linkFor(await joined('fra'), 'i1', [relay.address]);
    await up(agent);
    const cutAtMs = performance.now();
    relay.blackHole();
    await until('both noticed', () => agent.downs.length > 0 && closings.length > 0);
    expect((agent.downs[0]?.atMs ?? 0) - cutAtMs).toBeLessThan(6_000);
    expect((closings[0]?.atMs ?? 0) - cutAtMs).toBeLessThan(6_000);
    expect(agent.link.sendVotes(create(VoteBatchSchema))).toBe(false);
    relay.cut();
    relay.heal();
    await until('it is up again', () => agent.link.isUp(), 20_000);
  });

  it('cuts a stream whose receiver stopped reading instead of queueing without bound', async () => {
    await server.close();
    server = await startServer({ maxPendingOctets: 1024 * 1024 });
    await using relay = await startRelay(server);
    const agent = linkFor(await joined('fra'), 'i1', [relay.address]);
    await up(agent);
    const session = server.sessions()[0];
    relay.stall();
    let most = 0;
    for (let sequence = 1; sequence < 2_000 && closings.length === 0; sequence += 1) {
      session?.send(decisions(sequence, 100_000));
      most = Math.max(most, session?.pendingOctets() ?? 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(closings.map((c) => c.code)).toEqual(['LINK_CONGESTED']);
    expect(most).toBeLessThanOrEqual(1024 * 1024);
    expect(server.sessions()).toHaveLength(0);
    relay.heal();
    await until('the agent is back', () => server.sessions().length === 1);
  });

  it('a newer incarnation replaces the older one, whose agent is told why', async () => {
    const identity = await joined('fra');
    const older = linkFor(identity, 'older');
    await up(older);
    const newer = linkFor(identity, 'newer');
    await up(newer);
    await until('the older is told', () => older.downs.length > 0);
    older.link.close();
    expect(older.downs[0]?.error.code).toBe('AGENT_DUPLICATE');
    expect(closings[0]?.session.incarnation).toBe('older');
    expect(server.sessions().map((s) => s.incarnation)).toEqual(['newer']);
  });
});

describe('who may connect', () => {
  /** Dials with this identity and says Hello; the code of the refusal, or of the first message. */
  const dial = async (
    tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined,
    first: AgentMessage = create(AgentMessageSchema, { kind: { case: 'hello', value: create(HelloSchema) } }),
  ): Promise<string> => {
    const buffer = (text: string | undefined): Buffer | null =>
      text === undefined ? null : Buffer.from(text);
    const credentials = ChannelCredentials.createSsl(
      Buffer.from(hub.authority.caBundlePem),
      buffer(tls?.key),
      buffer(tls?.cert),
    );
    const client = new Client(`127.0.0.1:${server.port}`, credentials, {
      'grpc.ssl_target_name_override': 'hub.portolan.internal',
    });
    const stream = openStream(client, AgentLink.method.connect);
    const outcome = new Promise<string>((resolve) => {
      stream.on('data', (message: HubMessage) => resolve(message.kind.case ?? 'nothing'));
      stream.on('error', (error: ServiceError) => resolve(status[error.code] ?? 'unknown'));
    });
    stream.write(first);
    const result = await outcome;
    stream.cancel();
    client.close();
    return result;
  };
  const tlsOf = (identity: AgentIdentityHolder) => {
    const { caPem, certificateChainPem, privateKeyPem } = identity.current();
    return { ca: caPem, cert: certificateChainPem, key: privateKeyPem };
  };

  it('an agent of this hub', async () => {
    expect(await dial(tlsOf(await joined('fra')))).toBe('welcome');
  });

  it('not a client without a certificate', async () => {
    expect(await dial(undefined)).toBe('UNAVAILABLE');
    expect(sessionsSeen).toHaveLength(0);
  });

  it('not an agent of another hub with its own CA', async () => {
    await using other = await startHubIdentity();
    await joinCluster({
      token: await other.newToken('fra'),
      dataDir: other.dataDir('fra'),
      wallMs: Date.now,
    });
    expect(await dial(tlsOf(await openIdentity(other.dataDir('fra'))))).toBe('UNAVAILABLE');
    expect(sessionsSeen).toHaveLength(0);
  });

  it("not the hub's own server certificate", async () => {
    const pair = hub.certificate.current();
    expect(await dial({ ca: '', cert: pair.certificatePem, key: pair.privateKeyPem })).toBe('UNAVAILABLE');
    expect(sessionsSeen).toHaveLength(0);
  });

  it('not a certificate of our CA for an agent nobody knows', async () => {
    const fra = await joined('fra');
    const { createCsr } = await import('../../src/identity/csr.ts');
    const key = fra.current().privateKeyPem;
    const principal = { hubUid: hub.store.hubUid, clusterUid: fra.current().clusterUid, agentUid: 'nobody' };
    const cert = await hub.authority.ca.issueAgent({
      csrDer: createCsr(key),
      principal,
      generation: 1,
      nowMs: Date.now(),
    });
    expect(await dial({ ca: '', cert, key })).toBe('UNAUTHENTICATED');
  });

  it('not an agent that a later join replaced', async () => {
    const first = tlsOf(await joined('fra'));
    await joinCluster({
      token: await hub.newToken('fra'),
      dataDir: hub.dataDir('fra2'),
      wallMs: hub.clock.wallMs,
    });
    expect(await dial(first)).toBe('PERMISSION_DENIED');
  });

  it('not an agent whose peer address the others could not dial, which would end their control processes', async () => {
    const tls = (await joined('fra')).current();
    const pem = { ca: tls.caPem, cert: tls.certificateChainPem, key: tls.privateKeyPem };
    const value = create(HelloSchema, { incarnation: 'i1', peerAddress: '\n' });
    expect(await dial(pem, create(AgentMessageSchema, { kind: { case: 'hello', value } }))).toBe(
      'INVALID_ARGUMENT',
    );
    expect(sessionsSeen).toEqual([]);
  });

  it('nobody who says something else first', async () => {
    const votes = create(AgentMessageSchema, { kind: { case: 'votes', value: create(VoteBatchSchema) } });
    expect(await dial(tlsOf(await joined('fra')), votes)).toBe('INVALID_ARGUMENT');
  });

  it('not a revoked agent, whose stream is cut at once and who is told', async () => {
    const identity = await joined('fra');
    const agent = linkFor(identity);
    await up(agent);
    await hub.store.updateAgent(
      identity.current().agentUid,
      { revoked: true },
      { id: 'hub', display: 'test' },
    );
    const revokedAtMs = performance.now();
    server.revoke(identity.current().agentUid);
    await until('the agent is told', () => agent.downs.length > 0);
    expect(performance.now() - revokedAtMs).toBeLessThan(4_000);
    await until('it was refused again', () => agent.downs.length > 1);
    expect(agent.downs.map((d) => d.error.code)).toEqual(agent.downs.map(() => 'AGENT_REVOKED'));
  });

  it('not an agent revoked by another hub on the same store: its stream is cut within seconds too', async () => {
    const identity = await joined('fra');
    await up(linkFor(identity));
    await hub.store.updateAgent(
      identity.current().agentUid,
      { revoked: true },
      { id: 'hub', display: 'test' },
    );
    const revokedAtMs = performance.now();
    await until('the stream is cut', () => closings.length > 0);
    expect((closings[0]?.atMs ?? 0) - revokedAtMs).toBeLessThan(4_000);
    expect(closings[0]?.code).toBe('AGENT_REVOKED');
  });
});

describe('renewal over the link', () => {
  it('happens after a third of the life, with a new key, and the stream is opened again with the new certificate', async () => {
    hub.clock.wallOffsetMs = -3 * 86_400_000;
    const identity = await joined('fra');
    hub.clock.wallOffsetMs = 0;
    const before = identity.certificate();
    const agent = linkFor(identity);
    await until('it renewed', () => agent.events.includes('renewed ok'));
    await until(
      'it is up with it',
      () => server.sessions()[0]?.certificate.spkiSha256 === identity.certificate().spkiSha256,
    );
    expect(identity.certificate().spkiSha256).not.toBe(before.spkiSha256);
    expect(identity.certificate().notAfterMs - before.notAfterMs).toBeGreaterThan(2.9 * 86_400_000);
    expect((await openIdentity(hub.dataDir('fra'))).certificate()).toEqual(identity.certificate());
  });

  it('of a certificate that expired while the agent was off happens first, over the join listener', async () => {
    hub.clock.wallOffsetMs = -8 * 86_400_000;
    const identity = await joined('fra');
    hub.clock.wallOffsetMs = 0;
    expect(identity.certificate().notAfterMs).toBeLessThan(Date.now());
    const agent = linkFor(identity);
    await until('it renewed', () => agent.events.includes('renewed ok'));
    await up(agent);
    expect(identity.certificate().notAfterMs).toBeGreaterThan(Date.now());
  });
});

it('takes the quota request of an agent that names all keys of its table again', async () => {
  const agent = linkFor(await joined('many'));
  await up(agent);
  const names = Array.from({ length: 65_536 }, (_, id) => ({
    id,
    budget: 'shop-production/customers/per-customer/60s',
    key: `customer-${id}-of-the-shop`,
  }));
  const zeros = names.map(() => 0);
  const request = create(QuotaRequestSchema, {
    session: 'whole',
    names,
    ids: names.map(({ id }) => id),
    demand: names.map(() => 1.5),
    waiting: zeros,
    holdingCounts: zeros,
  });
  expect(agent.link.sendQuota(request)).toBe(true);
  await until('it arrived', () => heard.includes('quota default/many whole'));
  expect(agent.downs).toEqual([]);
});
