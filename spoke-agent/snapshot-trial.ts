import { createRoutedTable } from '../nameserver/routed-table.ts';
import { resolverAddress } from '../src/dns/client.ts';
import { createStateView } from '../src/health/state-view.ts';
import { sha256Hex } from '../src/identity/digest.ts';
import type { SignedSnapshot } from '../src/identity/snapshot-signing.ts';
import { SNAPSHOT_PARTS } from '../src/identity/snapshot-signing.ts';
import { readGatewayFile } from './gateway/configuration.ts';
import type { GatewayTrial } from './gateway/gateway-trial.ts';
import { decodeSnapshotFile, parseJson, partOf, readDnsPart, readPart } from './snapshot-file.ts';
import { partProblems } from './snapshot-schema.ts';

/**
 * Tries snapshot files out before they are believed (I11): checks the shape of every part, compiles the routing table as the data
 * process will, and asks it once for every name; builds what gateway threads will build. Of a snapshot after another one only what is new.
 */
export interface SnapshotTrial {
  /** What another process of this agent has tried out. */
  believe(file: Uint8Array): Promise<void>;
  /** Everything that is wrong, as one line; empty when nothing is. After something was, nothing more may be asked. */
  problems(file: Uint8Array): Promise<string>;
}

const MOST_PROBLEMS = 5;
const NEEDED = ['routing', 'probes', 'peers'] as const;

export function createSnapshotTrial(): SnapshotTrial {
  /** Hex SHA-256 of the parts that were tried out, by name. */
  let parts: ReadonlyMap<string, string> = new Map();
  let gateways: GatewayTrial | undefined;

  const tryGateway = async (
    signed: SignedSnapshot,
    trying: 'believe' | 'problems',
  ): Promise<readonly string[]> => {
    const file = readGatewayFile(signed);
    if (file === undefined) return [];
    if (gateways === undefined) {
      // Loaded only here: most clusters have no gateway.
      const { createGatewayTrial } = await import('./gateway/gateway-trial.ts');
      gateways = createGatewayTrial();
    }
    return gateways[trying](file) ?? [];
  };

  return {
    async believe(file) {
      const signed = decodeSnapshotFile(file);
      await tryGateway(signed, 'believe');
      parts = digestsOf(signed);
    },
    async problems(file) {
      const signed = decodeSnapshotFile(file);
      const digests = digestsOf(signed);
      const isNew = (name: string): boolean => parts.get(name) !== digests.get(name);
      for (const name of SNAPSHOT_PARTS) {
        const isNeeded = NEEDED.some((needed) => needed === name);
        if ((!isNeeded && !digests.has(name)) || (digests.has(name) && !isNew(name))) continue;
        const problems = partProblems(name, parseJson(partOf(signed, name), `part ${name}`));
        if (problems.length > 0) return problems.join('; ');
      }
      const problems = isNew('routing') || isNew('dns') ? routingProblems(signed) : [];
      if (problems.length > 0) return problems.join('; ');
      const gateway = await tryGateway(signed, 'problems');
      parts = digests;
      return gateway.slice(0, MOST_PROBLEMS).join('; ');
    },
  };
}

function digestsOf({ parts }: SignedSnapshot): ReadonlyMap<string, string> {
  return new Map(parts.map(({ name, content }) => [name, sha256Hex(content)]));
}

function routingProblems(signed: SignedSnapshot): readonly string[] {
  const routing = readPart(partOf(signed, 'routing'), 'routing');
  const view = createStateView(
    { targets: new Map(), drains: new Map(), lastHealthy: new Map(), takenAtMs: 0, freshAtMs: 0 },
    () => 0,
  );
  const { signing } = readDnsPart(signed);
  const built = createRoutedTable({ routing, signing, geo: undefined, view: () => view, random: () => 0.5 });
  if (built.problems.length > 0) return built.problems.map(({ path, message }) => `${path}: ${message}`);
  const client = resolverAddress('192.0.2.1');
  for (const zone of built.table.zones) {
    for (const node of zone.nodes.values()) {
      if (client === undefined || node.routed === undefined) continue;
      for (const type of node.routed.types) node.routed.answer({ name: node.name, type, client });
    }
  }
  return [];
}
