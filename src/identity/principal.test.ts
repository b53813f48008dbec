import { describe, expect, it } from 'vitest';
import { formatPrincipal, parsePrincipal } from './principal.ts';

describe('an agent principal', () => {
  const principal = { hubUid: 'h-1', clusterUid: 'c-2', agentUid: 'a-3' };

  it('is a SPIFFE ID and reads back', () => {
    expect(formatPrincipal(principal)).toBe('spiffe://h-1/cluster/c-2/agent/a-3');
    expect(parsePrincipal(formatPrincipal(principal))).toEqual(principal);
  });

  it.each([
    '',
    'spiffe://h-1/cluster/c-2',
    'spiffe://h-1/cluster/c-2/agent/',
    'spiffe://h-1/cluster/c-2/agent/a-3/',
    'spiffe://h-1/cluster/c-2/agent/a-3?x',
    'spiffe://h-1/cluster/c-2/agent/a-3\n',
    'spiffe://h-1/cluster/../agent/a-3',
    'spiffe://H-1/cluster/c-2/agent/a-3',
    'spiffe://h-1:443/cluster/c-2/agent/a-3',
    'https://h-1/cluster/c-2/agent/a-3',
    'xspiffe://h-1/cluster/c-2/agent/a-3',
  ])('is not %j', (uri) => {
    expect(parsePrincipal(uri)).toBeUndefined();
  });
});
