import { goProgram } from './go-tools.ts';
import { requireServer, type ServerState, skipped } from './servers.ts';

const HELM = 'helm.sh/helm/v3/cmd/helm@v3.22.0';

/** Whether the charts can be rendered here: helm of its Go module, built once and kept in the user's cache. */
export async function requireHelm(suite: string): Promise<ServerState> {
  const go = await requireServer('go', suite);
  if (!go.available) return go;
  try {
    return { available: true, path: await goProgram(HELM, 'helm') };
  } catch (error) {
    const reason = `helm could not be built: ${error instanceof Error ? error.message.slice(-500) : String(error)}`;
    return skipped(suite, reason, 'let Go reach a module proxy');
  }
}
