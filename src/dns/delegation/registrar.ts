import { DIGEST_TYPE, dsOf } from '../dnssec/key.ts';
import { type DomainName, isAtOrBelow } from '../name.ts';
import { formatRdata } from '../records/catalogue.ts';
import { keysOf } from './judge-chain.ts';
import { authoritative, dataOf, messageIn, wantedAddresses, wantedNames } from './reading.ts';
import type { DelegationView } from './view.ts';

/** What is to be entered at the registrar (or in the zone above). */
export interface RegistrarEntries {
  readonly nameServers: readonly DomainName[];
  /** Servers inside the zone: they need their addresses in the zone above. */
  readonly glue: readonly { readonly name: DomainName; readonly addresses: readonly string[] }[];
  /** Presentation form: `12345 13 2 AABB…`. Empty for an unsigned zone. */
  readonly ds: readonly string[];
}

/** From what the hub wants, else from what the zone's servers say. */
export function registrarEntries(view: DelegationView): RegistrarEntries {
  const nameServers = wantedNames(view);
  return {
    nameServers,
    glue: nameServers
      .filter((name) => isAtOrBelow(name, view.zone))
      .map((name) => ({ name, addresses: wantedAddresses(view, name) })),
    ds: dsEntries(view),
  };
}

/** The CDS records of the zone, which say what its signer wants (RFC 7344); else digests of its entry-point keys. */
function dsEntries(view: DelegationView): readonly string[] {
  const { zone } = view;
  for (const server of authoritative(view)) {
    const cds = dataOf(messageIn(server.cds)?.answers, zone, 'CDS').filter(
      (record) => record.algorithm !== 0,
    );
    if (cds.length > 0) return cds.map(formatRdata).sort();
    const keys = keysOf(server, zone).filter((key) => (key.flags & 1) !== 0);
    if (keys.length > 0) return keys.map((key) => formatRdata(dsOf(zone, key, DIGEST_TYPE.SHA256))).sort();
  }
  return [];
}

/** The entries as lines to copy, in the form of a zone file. */
export function registrarLines(zone: DomainName, entries: RegistrarEntries): readonly string[] {
  return [
    ...entries.nameServers.map((name) => `${zone} NS ${name}`),
    ...entries.glue.flatMap(({ name, addresses }) =>
      addresses.map((address) => `${name} ${address.includes(':') ? 'AAAA' : 'A'} ${address}`),
    ),
    ...entries.ds.map((ds) => `${zone} DS ${ds}`),
  ];
}
