import type { AnswerTable } from '../src/dns/table.ts';
import type { GeoLookup, StateView } from '../src/routing/model.ts';
import { createRoutedTable, type RoutedTableInput } from './routed-table.ts';

/** A table as it crosses to another thread. */
export type TableImage = Pick<RoutedTableInput, 'routing' | 'signing'>;

/** What a table asks for while it answers. */
export interface TableSurroundings {
  readonly geo: GeoLookup | undefined;
  readonly view: () => StateView;
  readonly random: () => number;
}

/** The table of an image, in the thread that answers from it. */
export function attachTable(image: TableImage, surroundings: TableSurroundings): AnswerTable {
  return createRoutedTable({ ...image, ...surroundings }).table;
}
