import { hostOf, NAMESPACE, routeObject } from '../../bench/kubernetes-world.ts';
import { ENDPOINT_SLICES, HTTP_ROUTES } from '../../spoke-agent/kubernetes/resources.ts';
import { until } from '../support/until.ts';
import {
  askEtcd,
  boundToken,
  kubernetesMetric,
  newRoute,
  ROUTES,
  say,
  startCluster,
  watchesIn,
} from './cluster.ts';

/**
 * Watches that go on from a version which is gone, without any restart: the connections of the agent stand still while objects change, etcd is compacted,
 * and the agent finds its way back. The API server has no watch cache, which would bridge it.
 */
export async function expiredWatches(): Promise<boolean> {
  await using cluster = await startCluster({ watchCache: false });
  const { admin, account, relay, server } = cluster;
  account.rotate(await boundToken(cluster, 'first'));
  await cluster.join();
  const agent = cluster.startAgent();
  await until('it serves', async () => (await cluster.ask(hostOf(0))).body === 'a', 60_000);
  await until('all is followed', async () => watchesIn(await cluster.metrics(), 'synced') === 11, 60_000);
  const before = await cluster.metrics();
  relay.cut();
  // A pod that is replaced, a route that is new, one that changed, one that is gone.
  await admin.merge(
    { resource: ENDPOINT_SLICES, namespace: NAMESPACE, name: 's0-0' },
    { ports: [{ name: 'http', port: cluster.pods[1], protocol: 'TCP' }] },
  );
  const { spec } = routeObject(0, 'changed');
  await admin.merge({ resource: HTTP_ROUTES, namespace: NAMESPACE, name: 'r0' }, { spec });
  await admin.create(newRoute('new'), HTTP_ROUTES);
  await admin.delete({ resource: HTTP_ROUTES, namespace: NAMESPACE, name: `r${ROUTES - 1}` });
  const [, revision = ''] = /"revision":"(\d+)"/.exec(await askEtcd(server, 'range', { key: 'AA==' })) ?? [];
  await askEtcd(server, 'compaction', { revision, physical: true });
  say(`etcd is compacted to ${revision}`);
  relay.heal();
  const sinceMs = performance.now();
  const took = async (what: string, look: () => Promise<boolean>): Promise<void> => {
    await until(what, look, 120_000);
    say(`${what}: ${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`);
  };
  await took('the new pod answers', async () => (await cluster.ask(hostOf(0))).body === 'b');
  await took('the changed route is served', async () => (await cluster.ask(hostOf(0))).version === 'changed');
  await took('the new route is served', async () => (await cluster.ask(hostOf(ROUTES))).version === 'new');
  await took('the route that is gone is not', async () =>
    (await cluster.ask(hostOf(ROUTES - 1))).body.startsWith('404'),
  );
  await took('all is followed', async () => watchesIn(await cluster.metrics(), 'unavailable') === 0);
  const after = await cluster.metrics();
  const of = (name: string) => kubernetesMetric(after, name) - kubernetesMetric(before, name);
  say(`lists ${of('lists_total')}, watches opened ${of('watch_starts_total')}`);
  for (const { line } of agent.log.slice(-20)) say(line.slice(0, 300));
  return of('lists_total') >= 2;
}
