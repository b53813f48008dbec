import { expect, it } from 'vitest';
import { classConditions } from './gateway-class.ts';

it.each([
  ['v1.1.0', 'UnsupportedVersion'],
  ['v1.2.0', 'SupportedVersion'],
  ['v1.6.3', 'SupportedVersion'],
  ['v1.10.0-rc.1', 'SupportedVersion'],
  ['v2.0.0', 'UnsupportedVersion'],
])('a GatewayClass says of definitions %s of the Gateway API: %s', (bundle, reason) => {
  const conditions = classConditions({ generation: 3 }, bundle, 'portolan');
  const found = conditions.find(({ type }) => type === 'SupportedVersion');
  expect(found).toMatchObject({ reason, status: reason === 'SupportedVersion' ? 'True' : 'False' });
});
