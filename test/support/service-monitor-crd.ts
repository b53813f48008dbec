import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { requireServer, type ServerState, skipped } from './servers.ts';

const MODULE = 'github.com/prometheus-operator/prometheus-operator@v0.84.0';
const SUM = 'h1:XXm7lKizTnnxeSwI01wjNAapKzw/4XAPdpcZqjRKgRU=';
const FILE = 'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml';
const FETCH_MS = 300_000;

const run = promisify(execFile);
const downloaded = z.object({ Dir: z.string(), Sum: z.string() });

/** The file of the CRD of ServiceMonitor, out of the Go module of its operator, which Go keeps; nothing of it is in this repository. */
export async function requireServiceMonitorCrd(suite: string): Promise<ServerState> {
  const go = await requireServer('go', suite);
  if (!go.available) return go;
  try {
    const { stdout } = await run(go.path, ['mod', 'download', '-json', MODULE], { timeout: FETCH_MS });
    const { Dir, Sum } = downloaded.parse(JSON.parse(stdout));
    if (Sum !== SUM) throw new Error(`its sum is ${Sum}, not ${SUM}`);
    const path = join(Dir, FILE);
    await readFile(path);
    return { available: true, path };
  } catch (error) {
    const reason = `the module ${MODULE} cannot be had: ${error instanceof Error ? error.message.slice(-500) : String(error)}`;
    return skipped(suite, reason, `go mod download ${MODULE}`);
  }
}
