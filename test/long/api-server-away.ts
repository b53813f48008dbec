import { setTimeout as pause } from 'node:timers/promises';
import { hostOf, NAMESPACE } from '../../bench/kubernetes-world.ts';
import { LEASES } from '../../kube/lease.ts';
import { ENDPOINT_SLICES, HTTP_ROUTES } from '../../spoke-agent/kubernetes/resources.ts';
import { AGENT_LEASE } from '../../spoke-agent/kubernetes/rules.ts';
import type { AgentInPod } from '../support/agent-in-pod.ts';
import { until } from '../support/until.ts';
import {
  askEtcd,
  boundToken,
  cpuSeconds,
  kubernetesMetric,
  messagesOf,
  newRoute,
  ROUTES,
  residentMb,
  say,
  startCluster,
  statusOfToken,
  type TestCluster,
  watchesIn,
} from './cluster.ts';

const PROBE_MS = 2_000;
const SETTLE_MS = 20_000;
const BOUNDS = { cpuSeconds: 2, cpuShare: 0.02, logLinesAMinute: 3, servedAgainMs: 60_000, growthMb: 60 };
/** Where an API server keeps the Secret that the first token is bound to. */
const FIRST_KEY = '/registry/secrets/portolan/first';

/**
 * An API server that is gone for this long while a client asks the gateway every two seconds. In the middle of it the token on the agent's disk is replaced as the
 * kubelet does, and the old one is void. Directly after, a pod, a route and a new route are written.
 * @returns whether no request failed, the agent rested, and all of it was served within a minute
 */
export async function apiServerAway(awayMs: number): Promise<boolean> {
  await using cluster = await startCluster();
  const { admin, account, server } = cluster;
  const [first, second] = [await boundToken(cluster, 'first'), await boundToken(cluster, 'second')];
  account.rotate(first);
  await cluster.join();
  const agent = cluster.startAgent();
  await until('it serves', async () => (await cluster.ask(hostOf(0))).body === 'a', 60_000);
  await until('it leads', async () => (await stateOf(cluster, agent)).leads, 60_000);
  await pause(SETTLE_MS);

  const before = await stateOf(cluster, agent);
  const probes = probe(cluster);
  const sinceMs = performance.now();
  const since = (ms: number): number => Number(((performance.now() - ms) / 1_000).toFixed(1));
  await server.server.stop();
  say(`the API server is gone for ${awayMs / 60_000} minutes; before: ${JSON.stringify(before)}`);
  let rotated = false;
  let lastCpuS = before.cpuS;
  while (performance.now() - sinceMs < awayMs) {
    const half = rotated ? awayMs : awayMs / 2;
    await pause(Math.max(10, Math.min(60_000, sinceMs + half - performance.now())));
    const now = await stateOf(cluster, agent);
    say(
      `${since(sinceMs)} s: CPU ${(now.cpuS - lastCpuS).toFixed(2)} s, RSS ${now.rssMb.join('+')} MB, ${linesSince(agent, sinceMs)} lines of log, ${probes.served} probes served, ${probes.failed.length} failed`,
    );
    lastCpuS = now.cpuS;
    if (rotated || performance.now() - sinceMs < half) continue;
    rotated = true;
    account.rotate(second);
    await askEtcd(server, 'deleterange', { key: Buffer.from(FIRST_KEY).toString('base64') });
    say('the token on the disk is another one, and the first is void');
  }
  const away = await stateOf(cluster, agent);
  const logLines = linesSince(agent, sinceMs);
  await server.restart();
  const backMs = performance.now();
  const oldToken = statusOfToken(server, first);
  await admin.merge(
    { resource: ENDPOINT_SLICES, namespace: NAMESPACE, name: 's0-0' },
    { ports: [{ name: 'http', port: cluster.pods[1], protocol: 'TCP' }] },
  );
  await admin.merge(
    { resource: HTTP_ROUTES, namespace: NAMESPACE, name: 'r1' },
    { spec: { rules: rulesOf(newRoute('changed').spec) } },
  );
  await admin.create(newRoute('new'), HTTP_ROUTES);
  const took = async (what: string, look: () => Promise<boolean>): Promise<number> => {
    await until(what, look, 100_000, 20);
    return since(backMs);
  };
  const [newPodS, changedRouteS, newRouteS, leaseS, statusS] = await Promise.all([
    took('the new pod answers', async () => (await cluster.ask(hostOf(0))).body === 'b'),
    took('the changed route is served', async () => (await cluster.ask(hostOf(1))).version === 'changed'),
    took('the new route is served', async () => (await cluster.ask(hostOf(ROUTES))).version === 'new'),
    took('it holds the Lease again', async () => (await stateOf(cluster, agent)).leads),
    took('the new route has its status', async () => {
      const route = await admin.get({ resource: HTTP_ROUTES, namespace: NAMESPACE, name: `r${ROUTES}` });
      return JSON.stringify(route?.status ?? '').includes('"Accepted"');
    }),
  ]);
  await until('all is followed', async () => (await stateOf(cluster, agent)).unavailable === 0, 100_000);
  await pause(SETTLE_MS);
  probes.stop();
  const after = await stateOf(cluster, agent);
  const lease = await admin.get({ resource: LEASES, namespace: 'portolan', name: AGENT_LEASE });
  const result = {
    awayS: Math.round((backMs - sinceMs) / 1_000),
    served: probes.served,
    failed: probes.failed.length,
    cpuShare: Number((((away.cpuS - before.cpuS) * 1_000) / awayMs).toFixed(4)),
    logLines,
    rssMb: { before: before.rssMb, away: away.rssMb, after: after.rssMb },
    secondsAfterReturn: { newPodS, changedRouteS, newRouteS, leaseS, statusS },
    leadsWhileAway: away.leads,
    lists: after.lists - before.lists,
    watches: after.watches - before.watches,
    oldToken,
    lease: lease?.spec,
  };
  say(JSON.stringify(messagesOf(agent, sinceMs), null, 1));
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  const wrong = [
    ...(result.failed > 0 ? [`${result.failed} probes failed: ${probes.failed.slice(0, 5).join('; ')}`] : []),
    ...(away.cpuS - before.cpuS > BOUNDS.cpuSeconds + (BOUNDS.cpuShare * awayMs) / 1_000
      ? [`the agent used ${result.cpuShare} of a core`]
      : []),
    ...(logLines > 20 + (BOUNDS.logLinesAMinute * awayMs) / 60_000 ? [`${logLines} lines of log`] : []),
    ...(sum(after.rssMb) - sum(before.rssMb) > BOUNDS.growthMb ? ['memory grew'] : []),
    ...(Math.max(newPodS, changedRouteS, newRouteS, leaseS, statusS) * 1_000 > BOUNDS.servedAgainMs
      ? ['it took too long after the return']
      : []),
    ...(away.leads ? ['it believed to hold the Lease'] : []),
    ...(oldToken === 401 ? [] : [`the old token was answered with ${oldToken}`]),
  ];
  for (const line of wrong) say(`WRONG: ${line}`);
  return wrong.length === 0;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function rulesOf(spec: unknown): unknown {
  return typeof spec === 'object' && spec !== null && 'rules' in spec ? spec.rules : [];
}

async function stateOf(cluster: TestCluster, agent: AgentInPod) {
  const text = await cluster.metrics();
  return {
    cpuS: cpuSeconds(agent),
    rssMb: residentMb(agent),
    lists: kubernetesMetric(text, 'lists_total'),
    watches: kubernetesMetric(text, 'watch_starts_total'),
    leads: kubernetesMetric(text, 'status_writer') === 1,
    unavailable: watchesIn(text, 'unavailable'),
  };
}

function probe(cluster: TestCluster) {
  const failed: string[] = [];
  const found = { served: 0, failed, stop: () => clearInterval(timer) };
  const timer = setInterval(() => {
    cluster.ask(hostOf(0)).then(
      ({ body }) => {
        if (body === 'a' || body === 'b') found.served += 1;
        else failed.push(`${new Date().toISOString()} ${body}`);
      },
      (error: unknown) => failed.push(`${new Date().toISOString()} ${String(error)}`),
    );
  }, PROBE_MS);
  return found;
}

function linesSince({ log }: AgentInPod, sinceMs: number): number {
  return log.filter(({ atMs }) => atMs >= sinceMs).length;
}
