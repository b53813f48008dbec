import { join } from 'node:path';
import { goModule } from './go-tools.ts';
import { requireServer, type ServerState, skipped } from './servers.ts';

const SOURCE = join(import.meta.dirname, 'kubectl');
/** As the released program says of itself; the linker puts it in. */
const VERSION = '-X k8s.io/component-base/version.gitVersion=v1.36.3';

/** Whether a real kubectl can run here: built once by Go, of the same release as the API server of the tests, and kept in the user's cache. */
export async function requireKubectl(suite: string): Promise<ServerState> {
  const go = await requireServer('go', suite);
  if (!go.available) return go;
  try {
    return { available: true, path: await goModule(SOURCE, 'kubectl', VERSION) };
  } catch (error) {
    const reason = `kubectl could not be built: ${error instanceof Error ? error.message.slice(-500) : String(error)}`;
    return skipped(suite, reason, 'install Go (1.26 or newer) and let it reach a module proxy');
  }
}
