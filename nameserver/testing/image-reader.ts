import { parentPort, workerData } from 'node:worker_threads';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { stateOf } from '../../src/routing/testing/world.ts';
import { attachRoutedTable, type RoutedTableImage } from '../routed-image.ts';

/* A thread of `routed-image.test.ts`: answers from the image it was given and says what it found. */

const image = workerData as RoutedTableImage;
const table = attachRoutedTable(image, { geo: undefined, view: () => stateOf(), random: () => 0.5 });
const name = parseName('a.example.com');
const zone = table.zoneFor(name);
const client = {
  family: 4,
  bytes: Uint8Array.of(192, 0, 2, 9),
  prefixLength: 32,
  source: 'resolver',
} as const;
const [record] = zone?.nodes.get(name)?.routed?.answer({ name, type: TYPE.A, client }).records ?? [];
const [set] = zone?.nodes.get(parseName('static.example.com'))?.sets ?? [];
parentPort?.postMessage({
  a: record?.type === 'A' ? [...record.address] : undefined,
  text: set?.records[0]?.type,
  shared: set?.wire?.buffer === image.zones.find((z) => z.zone.origin === zone?.origin)?.zone.buffer,
});
