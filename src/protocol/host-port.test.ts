import { expect, it } from 'vitest';
import { isHostPort } from './host-port.ts';

it.each([
  '192.0.2.1:53',
  '[2001:db8::1]:7463',
  'agent-1.eu.example:1',
  'agent.example.:65535',
  'localhost:80',
])('others can dial %s', (text) => expect(isHostPort(text)).toBe(true));

it.each([
  '',
  '192.0.2.1',
  '192.0.2.1:0',
  '192.0.2.1:65536',
  '192.0.2.1:53\n',
  '[::1:53',
  '[192.0.2.1]:53',
  '2001:db8::1:53',
  'a b:53',
  'a/b:53',
  '-a.example:53',
  'a..example:53',
  'unix:7463',
  'DNS:53',
])('nobody can dial %j', (text) => expect(isHostPort(text)).toBe(false));
