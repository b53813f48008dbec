import { join } from 'node:path';
import type { AgentIdentityHolder } from './identity-files.ts';
import { createSnapshotStore, type SnapshotStore, type SnapshotStoreOptions } from './snapshot-store.ts';
import { AGENT_VERSION } from './version.ts';

/** The agent's snapshot store, as both starts of the control program open it. */
export function agentSnapshots(
  dataDir: string,
  identity: AgentIdentityHolder,
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
