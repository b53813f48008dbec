import type { NameServerSettings } from './settings.ts';

/**
 * What a name server does when its configuration says nothing: the defaults of `nameServerSettings`, as a test sees to. Written out,
 * because the schema's library would cost each name server thread 9 MB.
 */
export const DEFAULT_NAME_SERVER_SETTINGS: NameServerSettings = {
  workers: 0,
  udpOctets: 1232,
  udpOctetsWithCookie: 1400,
  extendedErrors: true,
  cookies: { enabled: true, require: false },
  rateLimit: {
    mode: 'on',
    answersPerSecond: 1000,
    negativePerSecond: 200,
    referralsPerSecond: 200,
    errorsPerSecond: 100,
    anyPerSecond: 20,
    totalPerSecond: 50_000,
    windowSeconds: 5,
    slip: 2,
    ipv4PrefixLength: 24,
    ipv6PrefixLength: 56,
    exempt: ['127.0.0.0/8', '::1/128'],
    tableEntries: 65_536,
  },
};
