import type { AnswerTable } from '../src/dns/table.ts';
import type { DnsPart } from '../src/protocol/snapshot.ts';
import type { GeoLookup, StateView } from '../src/routing/model.ts';
import { createRoutedTable, type RoutedTableInput } from './routed-table.ts';
import { type TransferPlan, transferPlan } from './transfer-plan.ts';

/** A table as it crosses to another thread. */
export interface TableImage extends Pick<RoutedTableInput, 'routing' | 'signing'> {
  readonly tsigKeys?: DnsPart['tsigKeys'];
}

/** What a table asks for while it answers. */
export interface TableSurroundings {
  readonly geo: GeoLookup | undefined;
  readonly view: () => StateView;
  readonly random: () => number;
}

/** The table of an image and who may copy its zones, in the thread that answers from it. */
export function attachTable(
  image: TableImage,
  surroundings: TableSurroundings,
): { readonly table: AnswerTable; readonly transfers: TransferPlan } {
  const { table } = createRoutedTable({ ...image, ...surroundings });
  return { table, transfers: transferPlan(image.routing.zones, image.tsigKeys) };
}
