import { describe, expect, it } from 'vitest';
import { targetOf } from '../../test/fakes/route53/placements.ts';
import { describeAid } from './describe-aid.ts';
import { mapCheck } from './health-check-config.ts';

function told(address: string, check: unknown) {
  const made = mapCheck(targetOf(address, check), { intervalSeconds: 30, failureThreshold: 3 });
  if (typeof made === 'string') throw new Error(made);
  return describeAid(made.aid);
}

describe('a health check of Route 53, for people', () => {
  it.each([
    ['203.0.113.5', { protocol: 'tcp', port: 443 }, 'TCP 203.0.113.5:443 every 30 s'],
    [
      '203.0.113.5',
      { protocol: 'https', path: '/healthz', bodyContains: 'ok' },
      'HTTPS 203.0.113.5:443/healthz (Host www.example.com) looking for "ok" every 30 s',
    ],
    ['2001:db8::5', { protocol: 'tcp', port: 443 }, 'TCP [2001:db8::5]:443 every 30 s'],
    ['lb.example.net.', { protocol: 'http', port: 80 }, 'HTTP lb.example.net:80/ every 30 s'],
  ])('%s %j', (address, check, text) => {
    expect(told(address, check)).toEqual([text]);
  });

  it('is shown as it is when it is not one of ours', () => {
    expect(describeAid({ key: 'k', kind: 'healthcheck', spec: { Type: 'CALCULATED' } })).toEqual([
      '{"Type":"CALCULATED"}',
    ]);
  });
});
