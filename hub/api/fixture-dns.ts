import { PortolanError } from '../../src/errors/error.ts';
import type { DnsServices, ProviderZoneState } from './dns-services.ts';

export const ZONE_STATE: ProviderZoneState = {
  origin: 'example.com.',
  id: 'Z1',
  generation: 3,
  appliedAt: '2030-01-01T00:00:00Z',
  plan: {
    hash: '0123456789abcdef',
    changes: [
      {
        change: 'create',
        name: 'www.example.com.',
        type: 'A',
        setId: '',
        after: 'www.example.com. 30 A 192.0.2.1',
      },
    ],
    held: [],
  },
  frozen: false,
  history: [{ generation: 2, at: '2030-01-01T00:00:00Z', summary: '1 name created' }],
  verified: 'yes',
  disagreements: [],
};

/** A hub with one DNSProvider, `team/cloud`, which has one zone; it does what it is told and remembers it. */
export function idleDnsServices(): DnsServices & { readonly done: string[] } {
  const done: string[] = [];
  const known = async (name: string): Promise<void> => {
    if (name !== 'cloud') throw new PortolanError('NOT_FOUND', `DNSProvider ${name} does not exist`);
  };
  return {
    done,
    async check({ name }) {
      await known(name);
      return { ok: true, findings: [], capabilities: [] };
    },
    async zones({ name }) {
      await known(name);
      return [{ origin: 'example.com.', id: 'Z1', private: false, nameServers: [], configured: true }];
    },
    async content({ name }, zone) {
      await known(name);
      return { origin: zone, records: [] };
    },
    async zoneStates({ name }) {
      await known(name);
      return [ZONE_STATE];
    },
    reports: async () => [],
    zoneReports: async () => [],
    planRecords: async () => ({ reports: [], zones: [] }),
    async approve({ name }, zone, hash, { actor, reason, dryRun }) {
      await known(name);
      done.push(`approve ${zone} ${hash} ${dryRun ? 'dry ' : ''}by ${actor.display}: ${reason}`);
      return ZONE_STATE;
    },
    async adopt({ hostname, provider, digests }, { dryRun }) {
      done.push(`adopt ${hostname} at ${provider} ${JSON.stringify(digests)}${dryRun ? ' dry' : ''}`);
      return [];
    },
    async rollback({ name }, zone, generation, { reason }) {
      await known(name);
      done.push(`rollback ${zone} ${generation}: ${reason}`);
      return ZONE_STATE;
    },
    async resume({ name }, zone) {
      await known(name);
      done.push(`resume ${zone}`);
      return ZONE_STATE;
    },
  };
}
