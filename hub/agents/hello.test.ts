import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { HelloSchema } from '../../src/protocol/generated/portolan_pb.js';
import { checkHello, gatewaysIn, snapshotPartsOf } from './hello.ts';

const hello = { agentVersion: '0.1.0', incarnation: 'i1', snapshotHash: '' };
const refusal = (
  fields: Partial<{
    peerAddress: string;
    nameServers: string[];
    gateways: string[];
    incarnation: string;
    snapshotParts: string[];
  }>,
): unknown => {
  try {
    checkHello(create(HelloSchema, { ...hello, ...fields }));
    return 'taken';
  } catch (thrown) {
    return thrown;
  }
};

describe('what an agent says of itself', () => {
  it.each([
    '',
    '192.0.2.1:7463',
    '[2001:db8::1]:7463',
    'agent-1.eu.example:7463',
    'localhost:1',
    'agent.example.:65535',
  ])('may be the peer address %j', (peerAddress) => {
    expect(refusal({ peerAddress, nameServers: ['127.0.0.1:53', '[::1]:5301'] })).toBe('taken');
  });

  // Each would be dialled by every other agent: a line break makes the gRPC library throw, the others reach elsewhere.
  it.each([
    '\n',
    '192.0.2.1:7463\n',
    'unix:7463',
    'unix:/run/docker.sock',
    'dns:53',
    'dns:///169.254.169.254:80',
    'http://example:80',
    'example',
    ':80',
    'example:0',
    'example:65536',
    '2001:db8::1:80',
    '[::1:80',
    'a b:80',
    '-a.example:80',
    'a..example:80',
    `${'a.'.repeat(200)}example:80`,
  ])('may not be the peer address %j', (peerAddress) => {
    expect(refusal({ peerAddress })).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('has at most 32 name servers, each host:port, and short texts', () => {
    expect(refusal({ nameServers: Array.from({ length: 33 }, () => '192.0.2.1:53') })).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(refusal({ nameServers: ['192.0.2.1:53', 'no port'] })).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(refusal({ incarnation: 'x'.repeat(129) })).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('names its gateways by scheme and address', () => {
    expect(refusal({ gateways: ['https://127.0.0.1:8443', 'http://[::1]:80', 'tls://a.example:9'] })).toBe(
      'taken',
    );
    for (const wrong of ['127.0.0.1:80', 'ftp://127.0.0.1:21', 'https://127.0.0.1', 'https://a b:1'])
      expect(refusal({ gateways: [wrong] })).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

it('I12 of a release that does not say which parts of a snapshot it reads are those that every release reads', () => {
  const parts = (snapshotParts: string[]) => snapshotPartsOf(create(HelloSchema, { snapshotParts }));
  expect(parts([])).toEqual(['routing', 'probes', 'peers', 'dns']);
  // Of a newer release, with one that nobody here knows.
  expect(parts(['routing', 'weather'])).toEqual(['routing', 'weather']);
  expect(refusal({ snapshotParts: Array.from({ length: 65 }, () => 'a') })).toMatchObject({
    code: 'VALIDATION_FAILED',
  });
  expect(refusal({ snapshotParts: ['a\nb'] })).toMatchObject({ code: 'VALIDATION_FAILED' });
});

it('of what a status says of gateways, only what can be shown is kept', () => {
  const { gateways, gatewayProblems } = gatewaysIn({
    gateways: ['https://127.0.0.1:8443', 'javascript:alert(1)'],
    gatewayProblems: {
      'default/gw/l': 'x'.repeat(1000),
      [`default/${'y'.repeat(1000)}/l`]: 'too long a name',
    },
  });
  expect(gateways).toEqual(['https://127.0.0.1:8443']);
  expect(gatewayProblems).toEqual({ 'default/gw/l': 'x'.repeat(500) });
});
