import { z } from 'zod';
import { electionSchema } from '../election/config.ts';
import { certificatesSection } from './certificates.ts';
import { dnssecSection } from './dnssec.ts';
import { geoSection } from './geo.ts';
import { healthSection } from './health.ts';
import { adminSection, agentsSection, apiSection, dnsSection } from './listeners.ts';
import { networkSection, providersSection } from './permissions.ts';
import { sourcesSection } from './sources.ts';
import { dataDirSection, secretsSection, storeSection } from './storage.ts';

/** What the file may say. */
export const configSchema = z.strictObject({
  api: apiSection,
  agents: agentsSection,
  dns: dnsSection,
  admin: adminSection,
  dnssec: dnssecSection,
  certificates: certificatesSection,
  store: storeSection,
  election: electionSchema.prefault({}),
  dataDir: dataDirSection,
  secrets: secretsSection,
  geo: geoSection,
  network: networkSection,
  providers: providersSection,
  health: healthSection,
  sources: sourcesSection,
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});
