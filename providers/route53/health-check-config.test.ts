import { describe, expect, it } from 'vitest';
import { targetOf } from '../../test/fakes/route53/placements.ts';
import { mapCheck } from './health-check-config.ts';

const TIMING = { intervalSeconds: 30, failureThreshold: 3 } as const;

function mapped(address: string, check: unknown) {
  const result = mapCheck(targetOf(address, check), TIMING);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe('health checks of Route 53', () => {
  it.each([
    [
      'HTTP to an address, with the host of the policy',
      { protocol: 'http', path: '/healthz' },
      {
        Type: 'HTTP',
        Port: 80,
        IPAddress: '192.0.2.1',
        FullyQualifiedDomainName: 'www.example.com',
        ResourcePath: '/healthz',
        RequestInterval: 30,
        FailureThreshold: 3,
      },
      [],
    ],
    [
      'HTTPS that looks for a text',
      { protocol: 'https', bodyContains: 'ok', host: 'api.example.com' },
      {
        Type: 'HTTPS_STR_MATCH',
        Port: 443,
        IPAddress: '192.0.2.1',
        FullyQualifiedDomainName: 'api.example.com',
        ResourcePath: '/',
        SearchString: 'ok',
        EnableSNI: true,
        RequestInterval: 30,
        FailureThreshold: 3,
      },
      ['it looks for the text in the first 5,120 bytes', 'it does not verify the certificate'],
    ],
    [
      'gRPC only as a TCP connect, and says so',
      { protocol: 'grpc', port: 50_051 },
      { Type: 'TCP', Port: 50_051, IPAddress: '192.0.2.1', RequestInterval: 30, FailureThreshold: 3 },
      ['it only connects by TCP, where ours speaks grpc'],
    ],
  ])('%s', (_, check, spec, differences) => {
    expect(mapped('192.0.2.1', check)).toMatchObject({ aid: { kind: 'healthcheck', spec }, differences });
  });

  it('says what of a check it leaves out', () => {
    const check = { protocol: 'http', method: 'HEAD', headers: { 'x-a': 'b' }, expectedStatuses: [204] };
    expect(mapped('192.0.2.1', check).differences).toHaveLength(3);
  });

  it('has the same key for the same check, and another for another', () => {
    const tcp = { protocol: 'tcp', port: 443 };
    expect(mapped('192.0.2.1', tcp).aid.key).toBe(mapped('192.0.2.1', tcp).aid.key);
    expect(mapped('192.0.2.1', tcp).aid.key).not.toBe(mapped('192.0.2.2', tcp).aid.key);
  });

  it('looks a CNAME target up by its name', () => {
    expect(mapped('lb.example.net.', { protocol: 'https' }).aid.spec).toMatchObject({
      FullyQualifiedDomainName: 'lb.example.net',
    });
  });

  it.each(['10.1.2.3', '172.20.0.1', '192.168.1.1', '100.64.0.1', '127.0.0.1', 'fd12:3456::1', 'fe80::1'])(
    'cannot reach %s from the internet',
    (address) => {
      expect(mapCheck(targetOf(address), TIMING)).toContain(address);
    },
  );
});
