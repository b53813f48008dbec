import type { ZoneSigner } from '../src/dns/dnssec/zone-signer.ts';
import { AnswerTable } from '../src/dns/table.ts';
import type { GeoLookup, StateView } from '../src/routing/model.ts';
import { type RoutedTableImage, RoutedTableReader } from './routed-image.ts';
import { GeoOfThread, type SharedGeo } from './shared-geo.ts';
import type { TransferPlan } from './transfer-plan.ts';
import { THREAD_SIGNERS } from './zone-signers.ts';

/** A table as it crosses to another thread, with all that belongs to it. Its bulk is shared memory. */
export interface TableImage {
  readonly routed: RoutedTableImage;
  readonly transfers: TransferPlan;
  /** The database that clients are located by; without one every location is unknown. */
  readonly geo: SharedGeo | undefined;
}

/** What a thread answers from. */
export interface AttachedTable {
  readonly table: AnswerTable;
  readonly transfers: TransferPlan;
}

export interface TableAttacherOptions {
  readonly view: () => StateView;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Makes tables of the images that a thread is sent, one after the other; what stays the same is kept. */
export class TableAttacher {
  readonly #options: TableAttacherOptions;
  readonly #geos = new GeoOfThread();
  #geo: GeoLookup | undefined;
  #reader: RoutedTableReader | undefined;

  constructor(options: TableAttacherOptions) {
    this.#options = options;
  }

  attach({ routed, transfers, geo }: TableImage): AttachedTable {
    const lookup = this.#geos.open(geo);
    if (this.#reader === undefined || lookup !== this.#geo) {
      const { view, random } = this.#options;
      this.#reader = new RoutedTableReader({ geo: lookup, view, random });
      this.#geo = lookup;
    }
    const table = this.#reader.attach(routed);
    const zones = table.zones.map((zone) => {
      const material = routed.signing?.[zone.origin];
      if (material === undefined) return zone;
      const signer: ZoneSigner = THREAD_SIGNERS.signerFor(zone.origin, material);
      return { ...zone, signer };
    });
    THREAD_SIGNERS.keepOnly(new Set(zones.map(({ origin }) => origin)));
    return { table: new AnswerTable(zones), transfers };
  }
}
