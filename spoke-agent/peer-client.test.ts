import { describe, expect, it } from 'vitest';
import { dialTarget } from './peer-client.ts';

describe('the address of a peer', () => {
  it.each([
    ['10.0.0.1:7463', 'ipv4:10.0.0.1:7463'],
    ['[2001:db8::1]:7463', 'ipv6:[2001:db8::1]:7463'],
    ['agent-1.example.com:7463', 'dns:agent-1.example.com:7463'],
  ])('%s is dialled as %s', (address, target) => {
    expect(dialTarget(address)).toBe(target);
  });

  it.each([
    '',
    '\n',
    'unix:/run/x.sock',
    'dns:///169.254.169.254:80',
    '10.0.0.1',
    '10.0.0.1:0',
    '10.0.0.1:99999',
    '[::zz]:1',
    'a b:1',
  ])('I32 %j is not dialled at all', (address) => {
    expect(() => dialTarget(address)).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
