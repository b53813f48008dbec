import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { HelloSchema } from '../../src/protocol/generated/portolan_pb.js';
import { checkHello } from './hello.ts';

const hello = { agentVersion: '0.1.0', incarnation: 'i1', snapshotHash: '' };
const refusal = (
  fields: Partial<{ peerAddress: string; nameServers: string[]; incarnation: string }>,
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
});
