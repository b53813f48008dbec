import { connect } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentIdentityHolder, openIdentity } from '../../spoke-agent/identity-files.ts';
import { joinCluster } from '../../spoke-agent/join.ts';
import type { PeerEntry } from '../../spoke-agent/peer-client.ts';
import { createPeerLinks, type PeerLinks, type VotingPeer } from '../../spoke-agent/peers.ts';
import { renewIdentity } from '../../spoke-agent/renewal.ts';
import type { PortolanError } from '../../src/errors/error.ts';
import { readAgentCertificate } from '../../src/identity/certificate.ts';
import { type VoteBatch, VoteBatchSchema } from '../../src/protocol/generated/portolan_pb.js';
import { quickest } from '../support/quickest.ts';
import { type HubIdentityWorld, startHubIdentity, testClock, until } from './agent-world.ts';
import { startRelay, type TcpRelay } from './tcp-relay.ts';

interface Agent {
  readonly name: string;
  readonly identity: AgentIdentityHolder;
  readonly links: PeerLinks;
  /** Where its peers find it. */
  readonly relay: TcpRelay;
  readonly votes: { readonly peer: VotingPeer; readonly batch: VoteBatch; readonly atMs: number }[];
  readonly contacts: string[];
  readonly errors: PortolanError[];
  /** As others list it. */
  readonly entry: PeerEntry;
}

let hub: HubIdentityWorld;
const agents: Agent[] = [];

beforeEach(async () => {
  hub = await startHubIdentity();
});
afterEach(async () => {
  for (const agent of agents.splice(0)) {
    await agent.links.close();
    await agent.relay[Symbol.asyncDispose]();
  }
  await hub[Symbol.asyncDispose]();
});

async function startAgent(
  name: string,
  of: HubIdentityWorld = hub,
  dataDir = of.dataDir(name),
): Promise<Agent> {
  await joinCluster({ token: await of.newToken(name), dataDir, wallMs: of.clock.wallMs });
  return await runAgent(name, await openIdentity(dataDir));
}

async function runAgent(name: string, identity: AgentIdentityHolder): Promise<Agent> {
  const votes: Agent['votes'] = [];
  const contacts: string[] = [];
  const errors: PortolanError[] = [];
  let sequence = 0n;
  const links = await createPeerLinks({
    identity,
    listen: { host: '127.0.0.1', port: 0 },
    clock: testClock(),
    random: Math.random,
    hello: { incarnation: `${name}-1`, agentVersion: '0.1.0' },
    onVotes: (peer, batch) => void votes.push({ peer, batch, atMs: performance.now() }),
    onContact: (domain) => void contacts.push(domain),
    currentVotes: () => {
      sequence += 1n;
      return create(VoteBatchSchema, { sequence, complete: true });
    },
    onError: (error) => void errors.push(error),
  });
  const relay = await startRelay(links);
  const { agentUid, generation } = identity.current();
  const entry = {
    agentUid,
    generation,
    cluster: `default/${name}`,
    failureDomain: name,
    address: relay.address,
  };
  const agent = { name, identity, links, relay, votes, contacts, errors, entry };
  agents.push(agent);
  return agent;
}

const introduce = (...all: readonly Agent[]): void => {
  for (const agent of all) agent.links.setPeers(all.map(({ entry }) => entry));
};
const connected = (agent: Agent): readonly string[] =>
  agent.links.connectedPeers().map(({ failureDomain }) => failureDomain);
const connectedTo = (agent: Agent, ...others: readonly Agent[]): boolean =>
  connected(agent).length === others.length;
const votesFrom = (agent: Agent, name: string) =>
  agent.votes.filter(({ peer }) => peer.failureDomain === name);

describe('peer links', () => {
  it('connect every pair with one stream, on which votes pass both ways at once and then every second', async () => {
    const [a, b, c] = [await startAgent('a'), await startAgent('b'), await startAgent('c')];
    introduce(a, b, c);
    await until(
      'all are connected',
      () => connectedTo(a, b, c) && connectedTo(b, a, c) && connectedTo(c, a, b),
    );
    await until('votes came again', () => votesFrom(a, 'b').length >= 3 && votesFrom(b, 'a').length >= 3);
    expect(a.relay.open() + b.relay.open() + c.relay.open()).toBe(3);
    const [first, second] = votesFrom(a, 'b');
    expect(first?.peer).toEqual({
      agentUid: b.entry.agentUid,
      cluster: 'default/b',
      failureDomain: 'b',
      incarnation: 'b-1',
    });
    expect(first?.batch.complete).toBe(true);
    expect(second?.batch.sequence).toBeGreaterThan(first?.batch.sequence ?? 0n);
    expect(new Set(a.contacts)).toEqual(new Set(['b', 'c']));
  });

  it('carry a change at once', async () => {
    const [a, b] = [await startAgent('a'), await startAgent('b')];
    introduce(a, b);
    await until('they are connected', () => connectedTo(a, b) && connectedTo(b, a));
    const tookMs = await quickest(10, 500, async (round) => {
      const sequence = 1_000n + BigInt(round);
      const publishedAtMs = performance.now();
      a.links.publish(create(VoteBatchSchema, { sequence }));
      await until('it came', () => votesFrom(b, 'a').some(({ batch }) => batch.sequence === sequence));
      return performance.now() - publishedAtMs;
    });
    expect(tookMs).toBeLessThan(500);
  });

  // After 2.5 s of silence; the rest is for a machine that does much else.
  it('both ends notice a black hole within seconds and find each other again', async () => {
    const [a, b] = [await startAgent('a'), await startAgent('b')];
    introduce(a, b);
    await until('they are connected', () => connectedTo(a, b) && connectedTo(b, a));
    const cutAtMs = performance.now();
    for (const { relay } of [a, b]) relay.blackHole();
    await until('both noticed', () => connectedTo(a) && connectedTo(b));
    expect(performance.now() - cutAtMs).toBeLessThan(6_000);
    for (const { relay } of [a, b]) {
      relay.cut();
      relay.heal();
    }
    await until('they are connected again', () => connectedTo(a, b) && connectedTo(b, a), 20_000);
  });

  it('come up from the other side when the agent that should dial cannot', async () => {
    const [x, y] = [await startAgent('x'), await startAgent('y')];
    const [dialler, other] = x.entry.agentUid < y.entry.agentUid ? [x, y] : [y, x];
    dialler.links.setPeers([{ ...other.entry, address: '127.0.0.1:1' }]);
    other.links.setPeers([dialler.entry]);
    await until('they are connected', () => connectedTo(x, y) && connectedTo(y, x));
    expect(dialler.relay.open()).toBe(1);
  });

  it('survive the renewal of both certificates', async () => {
    const [a, b] = [await startAgent('a'), await startAgent('b')];
    for (const { identity } of [a, b]) {
      await renewIdentity({ identity, clock: hub.clock, overLink: () => undefined });
    }
    introduce(a, b);
    await until('they are connected', () => connectedTo(a, b) && connectedTo(b, a));
    expect(await shownBy(a, b.identity)).toBe(a.identity.certificate().spkiSha256);
  });
});

/** The key in the certificate that an agent's peer listener shows. */
async function shownBy(agent: Agent, as: AgentIdentityHolder): Promise<string | undefined> {
  const { caPem, certificateChainPem, privateKeyPem } = as.current();
  const tls = {
    ca: caPem,
    cert: certificateChainPem,
    key: privateKeyPem,
    checkServerIdentity: () => undefined,
  };
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: agent.links.host, port: agent.links.port, ...tls }, () => {
      resolve(readAgentCertificate(socket.getPeerCertificate().raw)?.spkiSha256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('peers refuse', () => {
  it('an agent that is not in their list', async () => {
    const [a, stranger] = [await startAgent('a'), await startAgent('stranger')];
    stranger.links.setPeers([a.entry]);
    await until('it was refused', () => stranger.errors.length > 0 || a.errors.length > 0);
    expect(a.errors.map(({ code }) => code)).toContain('UNAUTHENTICATED');
    expect(connected(stranger)).toEqual([]);
    expect(a.votes).toEqual([]);
    expect(stranger.votes).toEqual([]);
  });

  it('an agent of an older generation, as after a revocation, in either direction', async () => {
    const [a, revoked] = [await startAgent('a'), await startAgent('revoked')];
    a.links.setPeers([{ ...revoked.entry, generation: revoked.entry.generation + 1 }]);
    revoked.links.setPeers([a.entry]);
    await until('both directions failed', () => a.errors.length > 0 && revoked.errors.length > 0, 20_000);
    expect(connected(a)).toEqual([]);
    expect(a.votes).toEqual([]);
  });

  it('another agent of the same hub at the address of the one they meant', async () => {
    const [a, b, c] = [await startAgent('a'), await startAgent('b'), await startAgent('c')];
    b.links.setPeers([a.entry]);
    a.links.setPeers([{ ...c.entry, address: b.entry.address }]);
    await until('the dial failed', () => a.errors.some(({ code }) => code === 'PEER_UNREACHABLE'), 20_000);
    expect(a.votes).toEqual([]);
    expect(b.votes).toEqual([]);
  });

  it('an agent with a certificate of another CA', async () => {
    await using otherHub = await startHubIdentity();
    const [a, foreign] = [await startAgent('a'), await startAgent('foreign', otherHub)];
    introduce(a, foreign);
    await until('it failed', () => a.errors.length + foreign.errors.length > 0, 20_000);
    expect(connected(a)).toEqual([]);
    expect(a.votes).toEqual([]);
    expect(foreign.votes).toEqual([]);
  });

  it('an agent from the moment a new list leaves it out', async () => {
    const [a, b] = [await startAgent('a'), await startAgent('b')];
    introduce(a, b);
    await until('they are connected', () => connectedTo(a, b) && connectedTo(b, a));
    a.links.setPeers([]);
    const removedAtMs = performance.now();
    const before = a.votes.length;
    await until('the other end noticed', () => connectedTo(b));
    expect(performance.now() - removedAtMs).toBeLessThan(2_500); // a black hole takes three seconds to notice
    expect(a.votes.length).toBe(before);
  });
});
