import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostOf, NAMESPACE } from '../../bench/kubernetes-world.ts';
import { LEASES } from '../../kube/lease.ts';
import { HTTP_ROUTES } from '../../spoke-agent/kubernetes/resources.ts';
import { AGENT_LEASE } from '../../spoke-agent/kubernetes/rules.ts';
import { pathOf, requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import {
  boundToken,
  cpuSeconds,
  kubernetesMetric,
  messagesOf,
  newRoute,
  ROUTES,
  say,
  startCluster,
} from './cluster.ts';

const STEPS = ['+2h', '+0', '-2h', '+0', '-2h', '+2h'];
/** From a step on it is watched for so long: the Lease is renewed some times. */
const WATCHED_MS = 8_000;

/**
 * An agent whose wall clock is wrong by two hours: when it joins, when it starts, and in steps while it runs. Monotonic clocks stay right, as they do when somebody
 * sets the time.
 * @returns whether a clock behind is named, and all else goes on as if nothing were wrong
 */
export async function clocks(): Promise<boolean> {
  const faketime = pathOf(await requireServer('faketime', 'clocks'));
  const found = spawnSync(faketime, ['-m', '-f', '+1h', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
  const wrong: string[] = [];
  const expect = (what: string, holds: boolean, seen: unknown = ''): void => {
    say(`${holds ? 'ok   ' : 'WRONG'} ${what} ${String(seen)}`);
    if (!holds) wrong.push(what);
  };
  await using cluster = await startCluster();
  cluster.account.rotate(await boundToken(cluster, 'first'));
  const clock = join(cluster.folder, 'clock');
  const fake = {
    LD_PRELOAD: found.stdout.trim(),
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const set = (by: string): void => writeFileSync(clock, by);

  set('-2h');
  const refused = await cluster.join(fake).catch(String);
  expect(
    'a join names the clock that is behind',
    /clock is 7[12]\d\d s behind the hub's/.test(refused),
    refused,
  );
  set('+0');
  await cluster.join();

  set('-2h');
  const late = cluster.startAgent(fake);
  const said = (words: RegExp): boolean => late.log.some(({ line }) => words.test(line));
  const clockNamed = /not valid by the clock of this machine/;
  await until(
    'its log names the clock',
    async () => said(/CLOCK_SKEW/) && said(/API server is not valid by the clock of this machine/),
    30_000,
  ).catch(() => undefined);
  expect('two hours behind: the link to the hub names the clock', said(/"code":"CLOCK_SKEW"/));
  expect('two hours behind: so does the way to the API server', said(clockNamed));
  expect('two hours behind: it says so in few lines', late.log.length < 20, late.log.length);
  await late.stop();

  set('+2h');
  const early = cluster.startAgent(fake);
  const started = await until('it serves', async () => (await cluster.ask(hostOf(0))).body === 'a', 40_000);
  expect('two hours ahead: it serves', true, `after ${Math.round(started.tookMs)} ms`);
  await early.stop();

  set('+0');
  const agent = cluster.startAgent(fake);
  const leads = async () => kubernetesMetric(await cluster.metrics(), 'status_writer') === 1;
  await until('it serves', async () => (await cluster.ask(hostOf(0))).body === 'a', 40_000);
  await until('it leads', leads, 40_000);
  const holder = async () =>
    JSON.stringify(
      (await cluster.admin.get({ resource: LEASES, namespace: 'portolan', name: AGENT_LEASE }))?.spec,
    );
  const [, identity = ''] = /"holderIdentity":"([^"]+)"/.exec(await holder()) ?? [];
  await cluster.admin.create(newRoute('first'), HTTP_ROUTES);
  for (const [turn, by] of STEPS.entries()) {
    set(by);
    const sinceMs = performance.now();
    const cpu = cpuSeconds(agent);
    let led = true;
    await until(
      'some time is over',
      async () => {
        led &&= await leads();
        return performance.now() - sinceMs > WATCHED_MS;
      },
      WATCHED_MS * 2,
      500,
    );
    const { spec } = newRoute(`turn-${turn}`);
    await cluster.admin.merge({ resource: HTTP_ROUTES, namespace: NAMESPACE, name: `r${ROUTES}` }, { spec });
    const { tookMs } = await until(
      'a changed route is served',
      async () => (await cluster.ask(hostOf(ROUTES))).version === `turn-${turn}`,
      20_000,
    );
    const used = cpuSeconds(agent) - cpu;
    const lease = await holder();
    expect(`stepped to ${by}: it holds its Lease all the time`, led && lease.includes(identity), lease);
    expect(`stepped to ${by}: a changed route is served`, tookMs < 10_000, `after ${Math.round(tookMs)} ms`);
    expect(`stepped to ${by}: it rests`, used < 2, `${used.toFixed(2)} s of CPU`);
  }
  say(JSON.stringify(messagesOf(agent), null, 1));
  return wrong.length === 0;
}
