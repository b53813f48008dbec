import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DEFAULT_QUORUM } from '../../src/health/types.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { SNAPSHOT_PARTS } from '../../src/identity/snapshot-signing.ts';
import { NO_GATEWAY, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { HelloSchema } from '../../src/protocol/generated/portolan_pb.js';
import { snapshotPartsOf } from '../agents/hello.ts';
import type { ClusterPieces } from '../gateways/gateway-pieces.ts';
import type { Published } from './publisher.ts';
import { compileSnapshots, type SnapshotAgent, type SnapshotInput } from './snapshots.ts';
import { CONTEXT, cluster, policy, worldOf, zone } from './testing.ts';
import { routingContent } from './world.ts';

const world = worldOf(
  cluster('eu-1', 'DE', '192.0.2.1'),
  cluster('us-1', 'US', '192.0.2.2'),
  zone('shop', 'shop.example', [{ name: 'text', type: 'TXT', data: ['"ü \\"quoted\\""'] }]),
  policy('www', ['www.shop.example'], ['eu-1', 'us-1']),
);
const published: Published = {
  sequence: 7,
  hash: 'the hash',
  content: routingContent(world, CONTEXT, 'geo'),
};
const agentOf = (name: string, peerAddress: string | undefined): SnapshotAgent => ({
  agentUid: `uid-${name}`,
  clusterUid: `cluster-${name}`,
  cluster: `default/${name}`,
  failureDomain: name,
  witness: true,
  nameServer: name === 'eu-1',
  generation: 1,
  peerAddress,
  parts: SNAPSHOT_PARTS,
});
const input: SnapshotInput = {
  published,
  drains: [{ cluster: 'default/eu-1', sinceMs: 5, remainingMs: 900 }],
  quorum: DEFAULT_QUORUM,
  targets: [...world.targets.values()],
  caBundles: { 'default/ca/ca.pem': 'PEM' },
  dns: { signing: {}, tsigKeys: {} },
  agents: [agentOf('eu-1', '192.0.2.1:7463'), agentOf('us-1', undefined)],
  hub: { id: 'hub/h', kind: 'hub', failureDomain: 'hub' },
  wallMs: 1_000,
};
const compile = (of: SnapshotInput) =>
  compileSnapshots(
    of,
    (text) => Buffer.from(text, 'utf8'),
    (parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex'),
  );
const part = z.object({ assigned: z.array(z.string()).optional(), peers: z.array(z.unknown()).optional() });
const textsOf = (of: SnapshotInput, name: string) => {
  const parts = compile(of).byAgent.get(`uid-${name}`)?.parts();
  if (parts === undefined) throw new Error(`${name} has no snapshot`);
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  const dns = parts.dns === undefined ? undefined : text(parts.dns);
  return { routing: text(parts.routing), probes: text(parts.probes), peers: text(parts.peers), dns };
};
const digestOf = (of: SnapshotInput, name = 'eu-1') => compile(of).byAgent.get(`uid-${name}`)?.digest;

describe('snapshots of agents', () => {
  it('are the canonical JSON of what they say, although they are spliced', () => {
    for (const name of ['eu-1', 'us-1']) {
      const { routing, probes, peers } = textsOf(input, name);
      for (const text of [routing, probes, peers]) expect(text).toBe(canonicalJson(JSON.parse(text)));
    }
    const { routing, probes, peers } = textsOf(input, 'us-1');
    expect(JSON.parse(routing)).toEqual({
      ...published.content,
      sequence: 7,
      issuedAtMs: 1_000,
      drains: input.drains,
    });
    expect(JSON.parse(probes)).toMatchObject({
      quorum: DEFAULT_QUORUM,
      targets: input.targets,
      caBundles: input.caBundles,
    });
    expect(part.parse(JSON.parse(probes)).assigned).toHaveLength(2);
    expect(JSON.parse(peers)).toEqual({
      self: { agentUid: 'uid-us-1', cluster: 'default/us-1', failureDomain: 'us-1' },
      peers: [
        {
          agentUid: 'uid-eu-1',
          cluster: 'default/eu-1',
          failureDomain: 'eu-1',
          address: '192.0.2.1:7463',
          generation: 1,
        },
      ],
    });
  });

  it('give an agent that is away only the targets of its own cluster, and those of others to witnesses', () => {
    const away = { ...agentOf('us-1', undefined), witness: false };
    const targetIn = (name: string) => input.targets.find((t) => t.cluster === `default/${name}`)?.id;
    const assigned = (name: string) =>
      part.parse(JSON.parse(textsOf({ ...input, agents: [agentOf('eu-1', undefined), away] }, name).probes))
        .assigned;
    expect(assigned('us-1')).toEqual([targetIn('us-1')]);
    expect(assigned('eu-1')).toEqual(expect.arrayContaining([targetIn('eu-1'), targetIn('us-1')]));
  });

  it('name no agent as its own peer, and none that has not said where it is', () => {
    expect(part.parse(JSON.parse(textsOf(input, 'eu-1').peers)).peers).toEqual([]);
  });

  it.each([
    ['the published content', { published: { ...published, hash: 'another' } }],
    ['a drain', { drains: [] }],
    ['the quorum', { quorum: { ...DEFAULT_QUORUM, holdMs: 1 } }],
    ['the targets', { targets: [] }],
    ['a CA bundle', { caBundles: {} }],
    ['a peer', { agents: [agentOf('eu-1', '192.0.2.1:7463'), agentOf('us-1', '192.0.2.2:7463')] }],
  ])('are sent again when %s changes', (_what, change) => {
    expect(digestOf({ ...input, ...change })).not.toBe(digestOf(input));
  });

  it('bring the secrets of name servers to those who answer DNS, and to nobody else', () => {
    const key = { name: 'transfer.', algorithm: 'hmac-sha256', secret: 'c2VjcmV0' } as const;
    const secret = { ...input, dns: { signing: {}, tsigKeys: { 'default/key': key } } };
    expect(textsOf(input, 'eu-1').dns).toBeUndefined();
    expect(JSON.parse(textsOf(secret, 'eu-1').dns ?? '')).toEqual(secret.dns);
    expect(textsOf(secret, 'eu-1').dns).toBe(canonicalJson(secret.dns));
    expect(textsOf(secret, 'us-1').dns).toBeUndefined();
    const { routing, probes, peers } = textsOf(secret, 'eu-1');
    for (const text of [routing, probes, peers]) expect(text).not.toContain(key.secret);
    expect(digestOf(secret, 'eu-1')).not.toBe(digestOf(input, 'eu-1'));
    expect(digestOf(secret, 'us-1')).toBe(digestOf(input, 'us-1'));
  });

  it('say by a digest, and in the canonical place, that a zone is signed', () => {
    const signed = new Map([['shop.example.', 'ab'.repeat(32)]]);
    const withDigest = { ...published, content: routingContent(world, CONTEXT, 'geo', signed) };
    const { routing } = textsOf({ ...input, published: withDigest }, 'us-1');
    expect(routing).toContain('ab'.repeat(32));
    expect(routing).toBe(canonicalJson(JSON.parse(routing)));
  });

  it('are not sent again because time went by', () => {
    const later = {
      ...input,
      wallMs: 9_000,
      drains: [{ cluster: 'default/eu-1', sinceMs: 5, remainingMs: 1 }],
    };
    expect(digestOf(later)).toBe(digestOf(input));
  });
});

describe('gateways in snapshots', () => {
  const pieces: ClusterPieces = { frame: Buffer.from('the frame'), refs: [], contents: [], digest: '' };
  const gateways = (digest: string, key = 'KEY'): SnapshotInput => ({
    ...input,
    gateways: new Map([
      [
        'default/eu-1',
        {
          part: NO_GATEWAY,
          pieces,
          secrets: { ...NO_GATEWAY_SECRETS, values: { 'default/s/k': key } },
          digest,
        },
      ],
    ]),
  });
  const partsOf = (of: SnapshotInput, name: string) => compile(of).byAgent.get(`uid-${name}`)?.parts();

  it('only the agents of a cluster with a Gateway get the two parts', () => {
    const own = partsOf(gateways('1'), 'eu-1');
    expect(own?.gatewayFrame).toBe(pieces.frame);
    expect(Buffer.from(own?.gatewaySecrets ?? []).toString()).toContain('KEY');
    for (const others of [partsOf(gateways('1'), 'us-1'), partsOf(input, 'eu-1')]) {
      expect(others).not.toHaveProperty('gatewayFrame');
      expect(others).not.toHaveProperty('gatewaySecrets');
    }
  });

  it('I12 an agent that reads part `gateway` gets it whole, in the place of the frame', () => {
    const whole = (of: SnapshotInput): SnapshotInput => ({
      ...of,
      agents: of.agents.map((agent) => ({
        ...agent,
        parts: agent.parts.filter((name) => name !== 'gatewayFrame'),
      })),
    });
    const older = compile(whole(gateways('1'))).byAgent.get('uid-eu-1');
    expect(older?.whole).toBe(NO_GATEWAY);
    expect(older?.pieces).toBeUndefined();
    expect(older?.parts()).not.toHaveProperty('gatewayFrame');
    const newer = compile(gateways('1')).byAgent.get('uid-eu-1');
    expect(newer?.pieces).toBe(pieces);
    expect(newer?.whole).toBeUndefined();
    expect(newer?.digest, 'an agent of another release gets another one').not.toBe(older?.digest);
  });

  it('I12 an agent that reads neither gets none of the parts, nor another snapshot for them', () => {
    const older = (of: SnapshotInput): SnapshotInput => ({
      ...of,
      agents: of.agents.map((agent) => ({
        ...agent,
        parts: snapshotPartsOf(create(HelloSchema, { agentVersion: '0.1.0' })),
      })),
    });
    expect(Object.keys(partsOf(older(gateways('1')), 'eu-1') ?? {})).toEqual(['routing', 'probes', 'peers']);
    expect(digestOf(older(gateways('1')))).toBe(digestOf(older(input)));
    expect(compile(older(gateways('1'))).byAgent.get('uid-eu-1')?.gateway).toBeUndefined();
    expect(Object.keys(partsOf(gateways('1'), 'eu-1') ?? {})).toContain('gatewaySecrets');
  });

  it('another configuration makes a new snapshot for its own agents only', () => {
    expect(digestOf(gateways('1'))).not.toBe(digestOf(input));
    expect(digestOf(gateways('2'))).not.toBe(digestOf(gateways('1')));
    expect(digestOf(gateways('2'), 'us-1')).toBe(digestOf(gateways('1'), 'us-1'));
    expect(compile(gateways('2')).byAgent.get('uid-eu-1')?.gateway).toBe('2');
  });

  it('I33 no secret of a gateway stands in another part', () => {
    const own = partsOf(gateways('1', 'canary'), 'eu-1');
    const { gatewaySecrets, ...others } = { ...own };
    expect(Buffer.from(gatewaySecrets ?? []).toString()).toContain('canary');
    for (const bytes of Object.values(others))
      expect(Buffer.from(bytes ?? []).toString()).not.toContain('canary');
  });
});
