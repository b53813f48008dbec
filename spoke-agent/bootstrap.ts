import { PortolanError } from '../src/errors/error.ts';
import { agentSnapshots } from './agent-snapshots.ts';
import { loadConfig } from './config.ts';
import { joinOnFirstStart } from './first-start.ts';
import { openIdentity } from './identity-files.ts';
import type { BootstrapReport } from './messages.ts';

/** Reads configuration, identity and snapshots, and says what the data process is to start with. */
export async function bootstrap(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<BootstrapReport> {
  try {
    const config = loadConfig(argv, env);
    const { joinTokenFile } = config;
    if (joinTokenFile !== undefined) await joinOnFirstStart(config.dataDir, joinTokenFile);
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
