import { Buffer } from 'node:buffer';
import { NodeCache } from '../src/dns/packed/node-cache.ts';
import { PackedTable } from '../src/dns/packed/table.ts';
import type { RoutedName } from '../src/dns/routed.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { attachZone, type Zone, type ZoneImage, zoneImage } from '../src/dns/zone.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { DnsPart } from '../src/protocol/snapshot.ts';
import type { RegionTable, RoutedPolicy } from '../src/routing/model.ts';
import { PLACE, type PolicyImages, PolicyShelf } from './policy-shelf.ts';
import { type Asker, preparePolicy, routedName } from './routed-name.ts';
import type { RoutedTable, RoutedTableInput } from './routed-table.ts';
import { zoneOf } from './routed-table.ts';

/**
 * A routed table for other threads. It can be posted as it is: zones and policies lie in shared memory, and what is copied are some
 * words for each zone.
 */
export interface RoutedTableImage {
  readonly sequence: number;
  readonly zones: readonly {
    readonly zone: ZoneImage;
    /** For each routed name of the zone the number of its policy; shared. */
    readonly policies: Uint32Array;
  }[];
  readonly policies: PolicyImages;
  readonly regions: RegionTable;
  /** Changes with the content of `regions`. */
  readonly regionsVersion: number;
  readonly signing?: DnsPart['signing'];
}

/** What an image needs beside the table, which has the zones: their parsed records need not stay in memory. */
export interface ImageInput extends Pick<RoutedTableInput, 'signing'> {
  readonly routing: Pick<RoutedTableInput['routing'], 'sequence' | 'policies' | 'regions'>;
}

/** Makes the images of one process, one after the other: what did not change lies where it lay. */
export class RoutedTableImages {
  readonly #shelf = new PolicyShelf();
  #regions = '';
  #regionsVersion = 0;

  /** @param table what `createRoutedTable` made of the input */
  imageOf(input: ImageInput, { table }: Pick<RoutedTable, 'table'>): RoutedTableImage {
    const { policies, regions, sequence } = input.routing;
    const nodes = table.zones.map(packedNodes);
    const numbers = nodes.map(({ routedNames }) => new Uint32Array(new SharedArrayBuffer(4 * routedNames)));
    const origins = new Map(table.zones.map(({ origin }, at) => [origin, at]));
    policies.forEach(({ hostnames }, number) => {
      for (const hostname of hostnames) {
        const at = zoneOf(hostname, origins) ?? -1;
        const index = nodes[at]?.routedIndex(hostname) ?? -1;
        const ofZone = numbers[at];
        if (ofZone !== undefined && index >= 0) ofZone[index] = number;
      }
    });
    const text = JSON.stringify(regions);
    if (text !== this.#regions) {
      this.#regions = text;
      this.#regionsVersion += 1;
    }
    return {
      sequence,
      zones: table.zones.map((zone, at) => ({
        zone: zoneImage(zone),
        policies: numbers[at] ?? new Uint32Array(),
      })),
      policies: this.#shelf.put(policies),
      regions,
      regionsVersion: this.#regionsVersion,
      ...(input.signing === undefined ? {} : { signing: input.signing }),
    };
  }
}

/** Policies a thread keeps decoded beyond those its cached nodes hold; some 5 kB each. */
const MAX_POLICIES = 16_384;

/**
 * Makes tables of the images that a thread is sent. A policy is decoded when one of its names is first asked for, and kept over
 * images as long as it does not change.
 */
export class RoutedTableReader {
  readonly #asker: Asker;
  #regionsVersion = -1;
  #names: RoutedNames | undefined;

  constructor(asker: Asker) {
    this.#asker = asker;
  }

  /** Cheap, whatever the size of the image. */
  attach(image: RoutedTableImage): AnswerTable {
    if (this.#names === undefined || image.regionsVersion !== this.#regionsVersion) {
      this.#names = new RoutedNames(image.regions, this.#asker);
      this.#regionsVersion = image.regionsVersion;
    }
    const names = this.#names;
    const cache = new NodeCache();
    const zones = image.zones.map(({ zone, policies }) =>
      attachZone(
        zone,
        (index) => {
          const number = policies[index];
          return number === undefined ? undefined : names.get(image.policies, number);
        },
        cache,
      ),
    );
    return new AnswerTable(zones);
  }
}

/** What a thread made of policies, by their id, in two generations. */
class RoutedNames {
  readonly #regions: RegionTable;
  readonly #asker: Asker;
  #young = new Map<number, RoutedName>();
  #old = new Map<number, RoutedName>();

  constructor(regions: RegionTable, asker: Asker) {
    this.#regions = regions;
    this.#asker = asker;
  }

  get(images: PolicyImages, number: number): RoutedName {
    const id = images.places[number * PLACE.words + PLACE.id] ?? 0;
    const young = this.#young.get(id);
    if (young !== undefined) return young;
    const routed = this.#old.get(id) ?? this.#made(images, number);
    if (this.#young.size >= MAX_POLICIES / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(id, routed);
    return routed;
  }

  #made(images: PolicyImages, number: number): RoutedName {
    return routedName(preparePolicy(policyOf(images, number), this.#regions), this.#asker);
  }
}

/** As `RoutedTableReader`, for one image. */
export function attachRoutedTable(image: RoutedTableImage, asker: Asker): AnswerTable {
  return new RoutedTableReader(asker).attach(image);
}

function policyOf({ segments, places }: PolicyImages, number: number): RoutedPolicy {
  const at = number * PLACE.words;
  const segment = segments[places[at + PLACE.segment] ?? 0] ?? new SharedArrayBuffer(0);
  const octets = Buffer.from(segment, places[at + PLACE.offset], places[at + PLACE.length]);
  // Written by this release's `PolicyShelf` from a policy of this type.
  return JSON.parse(octets.toString('utf8')) as RoutedPolicy;
}

function packedNodes({ origin, nodes }: Zone): PackedTable {
  if (nodes instanceof PackedTable) return nodes;
  throw new PortolanError('INTERNAL', `zone ${origin} is not packed`);
}
