import { LIMITS, Refused, type ZoneFacts } from './limits.ts';
import type { ApiGeoPolicy, ApiRoutingPolicy, ApiTargets } from './schema.ts';

/** Some regions of Google Cloud, and where they are. https://cloud.google.com/compute/docs/regions-zones */
export const REGIONS: Readonly<Record<string, readonly [latitude: number, longitude: number]>> = {
  'us-east1': [33.2, -80.0],
  'us-central1': [41.3, -95.9],
  'us-west1': [45.6, -121.2],
  'southamerica-east1': [-23.5, -46.6],
  'europe-west1': [50.5, 3.8],
  'europe-west3': [50.1, 8.7],
  'asia-east1': [24.1, 120.6],
  'asia-northeast1': [35.7, 139.7],
  'australia-southeast1': [-33.9, 151.2],
};

/** https://cloud.google.com/dns/docs/routing-policies-overview: types that may be routed. */
const ROUTABLE: ReadonlySet<string> = new Set(['A', 'AAAA', 'CNAME', 'MX', 'SRV', 'TXT']);

/** What the documentation says of routing policies. @throws Refused */
export function checkRoutingPolicy(
  zone: ZoneFacts,
  type: string,
  policy: ApiRoutingPolicy,
  at: string,
  canonical: (value: string, field: string) => string,
): void {
  const here = `${at}.routingPolicy`;
  const invalid = (field: string, why: string): Refused =>
    new Refused(400, 'invalid', `Invalid value for '${here}${field}': ${why}`, `${here}${field}`);
  const { geo, wrr, primaryBackup, healthCheck } = policy;
  if ([geo, wrr, primaryBackup].filter((one) => one !== undefined).length !== 1)
    throw invalid('', 'exactly one of geo, wrr and primaryBackup is set');
  if (!ROUTABLE.has(type)) throw invalid('', `${type} records cannot be routed`);
  if (healthCheck !== undefined && !zone.healthChecks.has(healthCheck))
    throw invalid('.healthCheck', `there is no health check ${healthCheck}`);

  function checkTargets(targets: ApiTargets, field: string, item: boolean): void {
    const { externalEndpoints = [], internalLoadBalancers = [] } = targets;
    if (type !== 'A' && type !== 'AAAA') throw invalid(field, 'only A and AAAA are health checked');
    if (externalEndpoints.length + internalLoadBalancers.length === 0)
      throw invalid(field, 'there is no target');
    if (externalEndpoints.length > 0 && zone.private)
      throw invalid(field, 'external endpoints are checked in public zones only');
    if (internalLoadBalancers.length > 0 && !zone.private)
      throw invalid(field, 'internal load balancers are checked in private zones only');
    if (externalEndpoints.length > 0 && healthCheck === undefined)
      throw invalid('.healthCheck', 'external endpoints need a health check');
    if (item && zone.signed && externalEndpoints.length > 1)
      throw invalid(field, 'in a zone with DNSSEC an item has one IP address');
    for (const [i, address] of externalEndpoints.entries()) canonical(address, `routingPolicy${field}[${i}]`);
  }

  function checkItem(
    item: {
      readonly rrdatas?: readonly string[] | undefined;
      readonly healthCheckedTargets?: ApiTargets | undefined;
    },
    field: string,
  ): void {
    const { rrdatas = [], healthCheckedTargets } = item;
    if (rrdatas.length === 0 && healthCheckedTargets === undefined) throw invalid(field, 'it has no data');
    if (zone.signed && rrdatas.length > 0 && healthCheckedTargets !== undefined)
      throw invalid(field, 'in a zone with DNSSEC only one of rrdatas and healthCheckedTargets can be set');
    if (type === 'CNAME' && rrdatas.length > 1) throw invalid(field, 'a CNAME has one record');
    for (const [i, value] of rrdatas.entries()) canonical(value, `routingPolicy${field}.rrdatas[${i}]`);
    if (healthCheckedTargets !== undefined)
      checkTargets(healthCheckedTargets, `${field}.healthCheckedTargets`, true);
  }

  function checkGeo({ items = [] }: ApiGeoPolicy, field: string): void {
    checkCount(items.length, field);
    const seen = new Set<string>();
    for (const [i, item] of items.entries()) {
      const { location = '' } = item;
      if (REGIONS[location] === undefined) throw invalid(`${field}.items[${i}].location`, `'${location}'`);
      if (seen.has(location)) throw invalid(`${field}.items[${i}].location`, `'${location}' is there twice`);
      seen.add(location);
      checkItem(item, `${field}.items[${i}]`);
    }
  }

  function checkCount(count: number, field: string): void {
    if (count === 0 || count > LIMITS.itemsPerRoutingPolicy)
      throw invalid(`${field}.items`, `${count} items`);
  }

  if (geo !== undefined) checkGeo(geo, '.geo');
  if (wrr !== undefined) {
    const { items = [] } = wrr;
    checkCount(items.length, '.wrr');
    for (const [i, item] of items.entries()) {
      if (item.weight === undefined || !(item.weight >= 0) || !Number.isFinite(item.weight))
        throw invalid(`.wrr.items[${i}].weight`, `'${item.weight}'`);
      checkItem(item, `.wrr.items[${i}]`);
    }
  }
  if (primaryBackup !== undefined) {
    const { primaryTargets, backupGeoTargets, trickleTraffic = 0 } = primaryBackup;
    if (primaryTargets === undefined) throw invalid('.primaryBackup.primaryTargets', 'it is missing');
    if (backupGeoTargets === undefined) throw invalid('.primaryBackup.backupGeoTargets', 'it is missing');
    if (!(trickleTraffic >= 0 && trickleTraffic <= 1))
      throw invalid('.primaryBackup.trickleTraffic', `'${trickleTraffic}'`);
    checkTargets(primaryTargets, '.primaryBackup.primaryTargets', false);
    checkGeo(backupGeoTargets, '.primaryBackup.backupGeoTargets');
  }
}
