import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { requireServer } from '../support/servers.ts';
import { auditTests } from './store-audit.ts';
import { postgresPlace, type StorePlace, sqlitePlace } from './store-harness.ts';
import { identityTests } from './store-identities.ts';
import { keyTests } from './store-keys.ts';
import { objectTests } from './store-objects.ts';
import { quotaTests } from './store-quota.ts';
import { secretTests } from './store-secrets.ts';
import { usageTests } from './store-usage.ts';
import { watchTests } from './store-watch.ts';
import { zoneSigningTests } from './store-zone-signing.ts';

/** One suite over every store: what the hub may rely on, whatever is underneath. */
function conformance(make: () => Promise<StorePlace>): void {
  let place: StorePlace;
  const current = () => place;
  beforeEach(async () => {
    place = await make();
  });
  afterEach(() => place.remove());
  describe('objects', () => objectTests(current));
  describe('watch', () => watchTests(current));
  describe('secrets', () => secretTests(current));
  describe('keys of zones', () => zoneSigningTests(current));
  describe('usage', () => usageTests(current));
  describe('quota', () => quotaTests(current));
  describe('API keys', () => keyTests(current));
  describe('audit', () => auditTests(current));
  describe('identities', () => identityTests(current));
}

describe('store on SQLite', () => conformance(sqlitePlace));

const suite = 'store on PostgreSQL';
const postgresql = await requireServer('postgresql', suite);
describe.skipIf(!postgresql.available)(suite, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());
  conformance(() => postgresPlace(server));
});
