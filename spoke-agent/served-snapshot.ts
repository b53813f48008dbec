import { readFile } from 'node:fs/promises';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import type { ServedTable } from '../nameserver/service.ts';
import { NO_TRANSFERS, transferPlan } from '../nameserver/transfer-plan.ts';
import { EMPTY_TABLE } from '../src/dns/table.ts';
import { sha256Hex } from '../src/identity/digest.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import type { GeoLookup, StateView } from '../src/routing/model.ts';
import { type GatewayFile, readGatewayFile } from './gateway/configuration.ts';
import type { RoutedContent } from './served-states.ts';
import { decodeSnapshotFile, invalid, partOf, readDnsPart, readPart } from './snapshot-file.ts';

/** The snapshot that is answered from now. */
export interface ServedSnapshot {
  /** Hex SHA-256 of its manifest; empty while none is served. */
  readonly hash: string;
  /** SOA serial of its zones. */
  readonly sequence: number;
  readonly names: ServedTable;
  readonly zones: number;
  readonly hostnames: number;
  /** Hex; of the GeoIP database that the hub decides by. */
  readonly geoSha256: string;
  /** The hub decides by another GeoIP database than this server. */
  readonly otherGeoDatabase: boolean;
  readonly content: RoutedContent;
  /** Of all that names are answered from; equal ones are the same answers. Empty: not known. */
  readonly namesDigest: string;
  /** `namespace/name` of this agent's. */
  readonly cluster: string;
}

export const NOTHING_SERVED: ServedSnapshot = {
  hash: '',
  sequence: 0,
  names: {
    sequence: 0,
    table: EMPTY_TABLE,
    transfers: NO_TRANSFERS,
    geo: undefined,
    input: { routing: { sequence: 0, policies: [], regions: {} } },
  },
  zones: 0,
  hostnames: 0,
  geoSha256: '',
  otherGeoDatabase: false,
  content: { policies: [], regions: {}, drains: [], issuedAtMs: 0 },
  namesDigest: '',
  cluster: '',
};

/**
 * Compiles a snapshot file that was verified and tried out. Nothing is served yet: the caller swaps it in.
 * @param geoFor the database to answer by, given which one the hub uses; without it every location is unknown
 * @param before what is served now: its table is taken over when it is made of the same bytes, as after most changes of a gateway
 * @throws PortolanError SNAPSHOT_INVALID
 */
export async function compileSnapshot(
  path: string,
  geoFor: ((sha256: string) => Promise<GeoLookup>) | undefined,
  view: () => StateView,
  before: ServedSnapshot = NOTHING_SERVED,
): Promise<ServedSnapshot & { readonly gateway: GatewayFile | undefined }> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw invalid(`${path} cannot be read`, cause);
  }
  const signed = decodeSnapshotFile(bytes);
  const common = {
    hash: sha256Hex(signed.manifest),
    cluster: readPart(partOf(signed, 'peers'), 'peers').self.cluster,
    gateway: readGatewayFile(signed),
  };
  const routingBytes = partOf(signed, 'routing');
  const changing = changingOf(routingBytes);
  const namesDigest =
    changing === undefined
      ? ''
      : sha256Hex(changing.rest) +
        signed.parts.map((part) => (part.name === 'dns' ? sha256Hex(part.content) : '')).join('');
  if (changing !== undefined && namesDigest === before.namesDigest) {
    const { drains, issuedAtMs, geoSha256 } = changing;
    const geo = await geoFor?.(geoSha256);
    const content = { ...before.content, drains, issuedAtMs };
    if (geo === before.names.geo && geoSha256 === before.geoSha256) return { ...before, ...common, content };
  }
  const routing = readPart(routingBytes, 'routing');
  const { signing, tsigKeys } = readDnsPart(signed);
  const geo = await geoFor?.(routing.geoSha256);
  const built = createRoutedTable({ routing, signing, geo, view, random: Math.random });
  const [problem] = built.problems;
  if (problem !== undefined) throw invalid(`${problem.path}: ${problem.message}`);
  const { zones, policies, regions, drains, issuedAtMs, sequence } = routing;
  return {
    ...common,
    namesDigest,
    sequence,
    names: {
      sequence,
      table: built.table,
      transfers: transferPlan(zones, tsigKeys),
      geo,
      // Without the zones: the table has them packed, and parsed they take ten times as much.
      input: { routing: { sequence, policies, regions }, signing },
    },
    zones: built.table.zones.length,
    hostnames: built.policies.size,
    geoSha256: routing.geoSha256,
    otherGeoDatabase: geo !== undefined && routing.geoSha256 !== '' && routing.geoSha256 !== geo.sha256,
    content: { policies, regions, drains, issuedAtMs },
  };
}

type Changing = Pick<RoutingPart, 'drains' | 'issuedAtMs' | 'geoSha256'>;
const LAST_CHANGING = '"issuedAtMs":';

/**
 * What is otherwise in each snapshot stands before the rest in canonical JSON (`drains`, `geoSha256`, `issuedAtMs`, `policies`, …), and no text has
 * a quote that is not escaped. Undefined: it is written in another way.
 */
function changingOf(routing: Uint8Array): (Changing & { readonly rest: Uint8Array }) | undefined {
  const text = Buffer.from(routing.buffer, routing.byteOffset, routing.length);
  const at = text.indexOf(LAST_CHANGING);
  const end = at < 0 ? -1 : text.indexOf(',', at);
  if (end < 0) return undefined;
  try {
    const head = JSON.parse(`${text.toString('utf8', 0, end)}}`) as Partial<Changing>;
    const { drains, issuedAtMs, geoSha256 } = head;
    if (drains === undefined || issuedAtMs === undefined || geoSha256 === undefined) return undefined;
    return Object.keys(head).length === 3
      ? { drains, issuedAtMs, geoSha256, rest: text.subarray(end) }
      : undefined;
  } catch {
    return undefined;
  }
}
