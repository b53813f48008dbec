import { parseName } from '../name.ts';
import type { ZoneSource } from '../zone-source.ts';

/** The zone example.test for tests: each says what it is about, and the rest is as good as any. */
export function zoneSource(about: Partial<ZoneSource>): ZoneSource {
  return {
    origin: parseName('example.test'),
    serial: 1,
    nameServers: [{ name: parseName('ns.example.test'), addresses: ['192.0.2.53'] }],
    soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
    ttlSeconds: 300,
    records: [],
    routed: [],
    ...about,
  };
}
