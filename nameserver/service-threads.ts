import { createNameServerPool, type NameServerPool, type NameServerPoolOptions } from './pool.ts';
import { RoutedTableImages } from './routed-image.ts';
import type { ServedTable } from './service.ts';
import { shareGeo } from './shared-geo.ts';

/** The threads of a name service. */
export interface ServiceThreads extends NameServerPool {
  /** Has every thread answer from this table. */
  serveTable(next: ServedTable): Promise<void>;
}

export function createThreads(options: NameServerPoolOptions): ServiceThreads {
  const pool = createNameServerPool(options);
  const images = new RoutedTableImages();
  return Object.assign(pool, {
    serveTable: ({ table, input, transfers, geo }: ServedTable): Promise<void> =>
      pool.serve({ routed: images.imageOf(input, { table }), transfers, geo: shareGeo(geo) }),
  });
}
