import { describe, expect, it } from 'vitest';
import type { Target } from '../../src/health/types.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { monitorOf } from './monitor.ts';

function target(check: unknown): Target {
  return {
    id: 't',
    cluster: 'shop/eu',
    failureDomain: 'eu',
    address: '20.50.0.1',
    port: 8443,
    check: checkSpec.parse(check),
    defaultHost: 'www.example.com',
  };
}

describe("Traffic Manager's probes, made from a check of a policy", () => {
  it('ask with the path, the host and the statuses of an HTTPS check', () => {
    const { monitor, lost } = monitorOf(
      target({
        protocol: 'https',
        path: '/ready',
        expectedStatuses: [204, '200-299'],
        fall: 2,
        intervalSeconds: 60,
        timeoutMs: 8000,
      }),
    );
    expect(monitor).toEqual({
      protocol: 'HTTPS',
      path: '/ready',
      port: 8443,
      intervalInSeconds: 30,
      timeoutInSeconds: 8,
      toleratedNumberOfFailures: 1,
      customHeaders: [{ name: 'Host', value: 'www.example.com' }],
      expectedStatusCodeRanges: [
        { min: 204, max: 204 },
        { min: 200, max: 299 },
      ],
    });
    expect(lost).toEqual(['it does not verify the certificate']);
  });

  it('are as fast as they get where a check is faster, within the bounds of the service', () => {
    const { monitor } = monitorOf(target({ protocol: 'tcp', port: 8443, fall: 10 }));
    expect(monitor).toEqual({
      protocol: 'TCP',
      port: 8443,
      intervalInSeconds: 10,
      timeoutInSeconds: 5,
      toleratedNumberOfFailures: 9,
    });
    const slow = monitorOf(target({ protocol: 'tcp', port: 8443, intervalSeconds: 31, timeoutMs: 30_000 }));
    expect(slow.monitor).toMatchObject({ intervalInSeconds: 30, timeoutInSeconds: 10 });
  });

  it('say what they leave out', () => {
    expect(monitorOf(target({ protocol: 'grpc', port: 443 })).lost).toEqual([
      'it only connects, and does not speak gRPC',
    ]);
    expect(monitorOf(target({ protocol: 'http', method: 'HEAD', bodyContains: 'ok' })).lost).toEqual([
      'it asks with GET',
      'it does not look at the body',
    ]);
  });
});
