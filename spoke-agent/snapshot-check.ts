import { readFile } from 'node:fs/promises';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { resolverAddress } from '../src/dns/client.ts';
import { messageOf } from '../src/errors/error.ts';
import { createStateView } from '../src/health/state-view.ts';
import type { SnapshotContent } from '../src/protocol/snapshot.ts';
import { readGateway } from './gateway/configuration.ts';
import type { CheckVerdict } from './sacrificial-check.ts';
import { decodeSnapshotFile, parseJson, partOf, readDnsPart, readPart } from './snapshot-file.ts';
import { partProblems } from './snapshot-schema.ts';

/*
 * The program that tries a snapshot file out before it is believed (I11): checks the shape of every part, compiles the
 * routing table as the data process will, and asks it once for every name; builds what gateway threads will build. Whatever happens here ends this process alone.
 */

const MOST_PROBLEMS = 5;
const OPTIONAL = ['dns', 'gateway', 'gatewaySecrets'] as const;

/** Everything that is wrong, as one line; empty when nothing is. */
async function problemsOf(file: Uint8Array): Promise<string> {
  const signed = decodeSnapshotFile(file);
  const optional = OPTIONAL.filter((name) => signed.parts.some((part) => part.name === name));
  const names: readonly (keyof SnapshotContent)[] = ['routing', 'probes', 'peers', ...optional];
  for (const name of names) {
    const problems = partProblems(name, parseJson(partOf(signed, name), `part ${name}`));
    if (problems.length > 0) return problems.join('; ');
  }
  const routing = readPart(partOf(signed, 'routing'), 'routing');
  const view = createStateView(
    { targets: new Map(), drains: new Map(), lastHealthy: new Map(), takenAtMs: 0, freshAtMs: 0 },
    () => 0,
  );
  const { signing } = readDnsPart(signed);
  const built = createRoutedTable({ routing, signing, geo: undefined, view: () => view, random: () => 0.5 });
  if (built.problems.length > 0) {
    return built.problems.map((problem) => `${problem.path}: ${problem.message}`).join('; ');
  }
  const client = resolverAddress('192.0.2.1');
  for (const zone of built.table.zones) {
    for (const node of zone.nodes.values()) {
      if (client === undefined || node.routed === undefined) continue;
      for (const type of node.routed.types) node.routed.answer({ name: node.name, type, client });
    }
  }
  const gateway = readGateway(signed);
  if (gateway === undefined) return '';
  // Loaded only here: most clusters have no gateway.
  const { gatewayProblems } = await import('./gateway/trial.ts');
  return gatewayProblems(gateway.part, gateway.secrets).slice(0, MOST_PROBLEMS).join('; ');
}

const path = process.argv[2];
let verdict: CheckVerdict;
try {
  const reason = path === undefined ? 'no file was named' : await problemsOf(await readFile(path));
  verdict = reason === '' ? { ok: true } : { ok: false, reason };
} catch (error) {
  verdict = { ok: false, reason: messageOf(error) };
}
process.send?.(verdict, () => process.exit(0));
