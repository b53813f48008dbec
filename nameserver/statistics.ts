import type { DomainName } from '../src/dns/name.ts';

export type Transport = 'udp' | 'tcp';

/** Why a datagram or connection got no answer. */
export type DropReason =
  /** Less than a header, or itself a response. */
  | 'unanswerable'
  /** The socket's send queue was full. */
  | 'congested'
  /** A connection beyond the limits for the server or for its source. */
  | 'tcpLimit'
  /** A connection that sent nothing complete in time, or did not read. */
  | 'tcpIdle';

interface ResponseCount {
  /** Origin of the zone that answered; empty when none did. */
  readonly zone: DomainName | '';
  readonly transport: Transport;
  /** Response code number. */
  readonly rcode: number;
  readonly count: number;
}

/** Plain numbers since the start; the host renders them. */
export interface NameServerStats {
  readonly responses: readonly ResponseCount[];
  readonly truncated: number;
  /** Queries that got SERVFAIL because something of ours threw. */
  readonly failures: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly tcpConnections: number;
}

const RCODES = 24; // NOERROR to BADCOOKIE; anything beyond is counted in the last place

/** Counts without allocating: one row of integers a zone and transport. */
export class Statistics {
  readonly #rows = new Map<DomainName | '', { readonly udp: Float64Array; readonly tcp: Float64Array }>();
  readonly dropped: Record<DropReason, number> = {
    unanswerable: 0,
    congested: 0,
    tcpLimit: 0,
    tcpIdle: 0,
  };
  truncated = 0;
  failures = 0;

  response(zone: DomainName | '', transport: Transport, rcode: number): void {
    let row = this.#rows.get(zone);
    if (row === undefined) {
      row = { udp: new Float64Array(RCODES), tcp: new Float64Array(RCODES) };
      this.#rows.set(zone, row);
    }
    const at = rcode < RCODES ? rcode : RCODES - 1;
    row[transport][at] = (row[transport][at] ?? 0) + 1;
  }

  read(tcpConnections: number): NameServerStats {
    const responses: ResponseCount[] = [];
    for (const [zone, row] of this.#rows) {
      for (const transport of ['udp', 'tcp'] as const) {
        row[transport].forEach((count, rcode) => {
          if (count > 0) responses.push({ zone, transport, rcode, count });
        });
      }
    }
    return {
      responses,
      truncated: this.truncated,
      failures: this.failures,
      dropped: { ...this.dropped },
      tcpConnections,
    };
  }
}
