import { join } from 'node:path';
import { PortolanError } from '../src/errors/error.ts';
import { loadConfig } from './config.ts';
import { openIdentity } from './identity-files.ts';
import type { BootstrapReport } from './messages.ts';
import { createSnapshotStore, type SnapshotStore, type SnapshotStoreOptions } from './snapshot-store.ts';
import { AGENT_VERSION } from './version.ts';

/** The agent's snapshot store, as both starts of the control program open it. */
export function agentSnapshots(
  dataDir: string,
  identity: Awaited<ReturnType<typeof openIdentity>>,
  rest: Pick<SnapshotStoreOptions, 'check' | 'onDamaged'>,
): SnapshotStore {
  const { hubUid, clusterUid } = identity.current();
  return createSnapshotStore({
    ...rest,
    directory: join(dataDir, 'snapshots'),
    hubUid,
    clusterUid,
    agentVersion: AGENT_VERSION,
    keys: () => identity.current().snapshotKeys,
  });
}

/** Reads configuration, identity and snapshots, and says what the data process is to start with. */
export async function bootstrap(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<BootstrapReport> {
  try {
    const config = loadConfig(argv, env);
    const identity = await openIdentity(config.dataDir);
    const warnings: string[] = [];
    const snapshots = agentSnapshots(config.dataDir, identity, {
      check: () => Promise.reject(new PortolanError('INTERNAL', 'nothing is accepted at the start')),
      onDamaged: (error) => warnings.push(`${error.code}: ${error.message}; ${error.fix}`),
    });
    const stored = await snapshots.load();
    return { ok: true, config, warnings, ...(stored === undefined ? {} : { snapshotPath: stored.path }) };
  } catch (thrown) {
    const { code, message, fix } = PortolanError.from(thrown);
    return { ok: false, error: { code, message, fix } };
  }
}
