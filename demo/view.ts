import type { Certificate, HubStatus, ResolveResult } from '../src/client/client.ts';
import { INSTALL_PEBBLE } from './pebble.ts';
import type { PlaceTraffic } from './traffic.ts';
import {
  CALLS_PER_MINUTE,
  CERTIFICATE_POLICY,
  CLUSTERS,
  DOWNLOAD_PATH,
  HOSTNAME,
  LIMITED_PATH,
  PLACES,
} from './world.ts';

/** Everything the view shows, read a moment ago. */
export interface Moment {
  readonly api: string;
  readonly folder: string;
  readonly tokenFile: string;
  readonly status: HubStatus;
  readonly answers: ReadonlyMap<string, ResolveResult>;
  readonly traffic: readonly PlaceTraffic[];
  readonly backends: ReadonlyMap<string, number>;
  readonly backendPort: number;
  readonly hubDns: string;
  /** Port of every gateway, and a key for the API behind it. */
  readonly gatewayPort: number;
  readonly apiKey: string;
  /** Port of every gateway for TLS, and the file with the roots to trust. */
  readonly tlsPort: number;
  readonly roots: string;
  readonly certificate: Certificate | undefined;
  /** A CA that speaks ACME runs here. */
  readonly hasPebble: boolean;
}

const bold = (text: string, colour: boolean): string => (colour ? `\u001b[1m${text}\u001b[0m` : text);
const tint = (text: string, code: number, colour: boolean): string =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with ESC
const COLOUR = /\u001b\[[0-9;]*m/y;

/** Cut to `width` columns, so that a redraw counts rows right; colours take none and are ended. */
export function fitLine(line: string, width: number): string {
  let columns = 0;
  let coloured = false;
  for (let at = 0; at < line.length; ) {
    COLOUR.lastIndex = at;
    const colour = COLOUR.exec(line)?.[0];
    if (colour !== undefined) {
      coloured = true;
      at += colour.length;
      continue;
    }
    if (columns === width - 1 && at < line.length - 1)
      return `${line.slice(0, at)}…${coloured ? '\u001b[0m' : ''}`;
    columns += 1;
    at += 1;
  }
  return line;
}

/** The living part: who answers whom and why, the clusters, the traffic. */
export function liveLines(m: Moment, colour: boolean): readonly string[] {
  return [
    bold(`Who answers ${HOSTNAME}`, colour),
    ...answerLines(m, colour),
    '',
    bold('Clusters', colour),
    ...clusterLines(m, colour),
    '',
    bold('Certificate', colour),
    `  ${certificateText(m.certificate)}`,
    '',
    bold('A client in each place (follows DNS, caches by TTL)', colour),
    ...trafficLines(m),
  ];
}

function answerLines(m: Moment, colour: boolean): readonly string[] {
  return PLACES.map((place) => {
    const answer = m.answers.get(place);
    if (answer === undefined) return `  ${place}  …`;
    const names = answer.answers
      .filter((a) => a.type === 'A')
      .map((a) => CLUSTERS.find((c) => c.address === a.data)?.name ?? a.data);
    return `  ${tint(place, 36, colour)}  ${names.join(', ').padEnd(11)} ${why(answer)}`;
  });
}

/** The shortest true reason: what the candidates that answer say, and who may not. */
function why(answer: ResolveResult): string {
  const rule = answer.explanation.find((line) => line.startsWith('rules: '))?.slice('rules: '.length) ?? '';
  const residency = answer.explanation.find((line) => line.startsWith('residency '));
  const mode = answer.explanation.find((line) =>
    /^(panic|maintenance|lastAnswer|lastResort|panicThreshold): /.test(line),
  );
  const down = answer.candidates.filter((c) => c.state === 'down').map((c) => c.endpoint);
  return [
    rule.replace(/, then the default$/, ''),
    ...(residency === undefined ? [] : [residency]),
    ...(down.length === 0 ? [] : [`${down.join(' and ')} down`]),
    ...(mode === undefined ? [] : [mode]),
  ].join('; ');
}

function clusterLines(m: Moment, colour: boolean): readonly string[] {
  return m.status.nameServers
    .filter((s) => s.cluster !== undefined)
    .map((server) => {
      const name = server.cluster?.split('/')[1] ?? '';
      const target = m.status.targets.find((t) => t.cluster === server.cluster);
      const state = target?.state ?? 'unknown';
      const shown = tint(state.padEnd(7), state === 'up' ? 32 : 31, colour);
      const agent = m.status.agents.find((a) => a.cluster === server.cluster);
      const pid = m.backends.get(name);
      return `  ${name.padEnd(10)} ${shown} agent ${agent?.connected === true ? 'connected' : 'away     '} · name server ${server.addresses[0] ?? '-'} ${server.state}${pid === undefined ? '' : ` · backend pid ${pid}`}`;
    });
}

function trafficLines(m: Moment): readonly string[] {
  return m.traffic.map((t) => {
    const at = CLUSTERS.find((c) => c.address === t.address)?.name ?? '-';
    return `  ${t.place}  → ${at.padEnd(10)} ${String(t.ok).padStart(6)} ok ${String(t.errors).padStart(4)} errors ${String(t.stale).padStart(4)} of them by a stale answer${t.dnsErrors > 0 ? ` ${t.dnsErrors} without DNS` : ''}`;
  });
}

/** In a line that changes only when the certificate does. */
function certificateText(certificate: Certificate | undefined): string {
  if (certificate === undefined) return '…';
  const { id, dnsNames, issuer, serial, notAfter, state, message } = certificate;
  const what = `${id} for ${dnsNames.join(', ')}`;
  return serial === undefined || notAfter === undefined
    ? `${what}: ${state}${message === undefined ? '' : ` (${message})`}`
    : `${what}: ${state}, serial ${serial.slice(-12)} by ${issuer}, until ${notAfter.slice(0, 10)}`;
}

/** Calls over TLS, and how to swap the certificate under one. */
function tlsLines(m: Moment): readonly string[] {
  const curl = (address: string, path: string): string =>
    `curl --cacert ${m.roots} --resolve ${HOSTNAME}:${m.tlsPort}:${address} https://${HOSTNAME}:${m.tlsPort}${path}`;
  const [first = '', second = ''] = CLUSTERS.map(({ address }) => address);
  const from =
    m.certificate?.issuer === 'pebble'
      ? `pebble, by a real ACME exchange: DNS-01 in the zone that this hub serves`
      : m.hasPebble
        ? `the hub's internal CA for now (\`npx portolan cert describe ${CERTIFICATE_POLICY}\` says why pebble gave none)`
        : `the hub's internal CA; for a real ACME exchange install pebble and start again: ${INSTALL_PEBBLE}`;
  return [
    `  the same over TLS; its certificate is from ${from}:`,
    `    ${curl(first, '/')} -H 'x-api-key: ${m.apiKey}'`,
    '    npx portolan cert list',
    '  swap the certificate while a download of 30 s runs, and see that it arrives whole:',
    `    ${curl(second, DOWNLOAD_PATH)} -o /dev/null & npx portolan cert renew ${CERTIFICATE_POLICY} --wait; wait`,
  ];
}

/** One agent's three answers, each as the line that asks for it. */
function apiLines(gateway: string, key: string): readonly string[] {
  return [
    `    curl -i ${gateway}/`,
    `    curl -i ${gateway}/admin -H 'x-api-key: ${key}'`,
    `    curl -i ${gateway}/ -H 'x-api-key: ${key}'`,
  ];
}

/** A loop over all gateways; prints a status for each call. */
function limitedLine(port: number, key: string): string {
  const addresses = CLUSTERS.map(({ address }) => address).join(' ');
  const call = `curl -s -o /dev/null -w '%{http_code} ' http://$a:${port}${LIMITED_PATH} -H 'x-api-key: ${key}'`;
  return `    for i in 1 2 3 4; do for a in ${addresses}; do ${call}; done; done; echo`;
}

/** What to try; printed once. */
export function tryLines(m: Moment, colour: boolean): readonly string[] {
  const subnetOf = (place: string): string => m.answers.get(place)?.client.address ?? '0.0.0.0/0';
  const eu = ['frankfurt', 'paris'].map((n) => m.backends.get(n)).join(' ');
  const server =
    m.status.nameServers.find((s) => s.cluster === 'default/frankfurt')?.addresses[0] ?? m.hubDns;
  const [host = '', port = ''] = server.split(':');
  const [hubHost = '', hubPort = ''] = m.hubDns.split(':');
  return [
    bold('Try it (in another terminal, in this folder)', colour),
    '  ask a name server as a resolver in Germany, in the US, in India:',
    ...['DE', 'US', 'IN'].map(
      (p) => `    dig @${host} -p ${port} ${HOSTNAME} A +subnet=${subnetOf(p)} +short`,
    ),
    `    dig @${hubHost} -p ${hubPort} ${HOSTNAME} A +subnet=${subnetOf('SG')} +short     # the hub's own`,
    '  why, and for how long:',
    `    npx portolan resolve ${HOSTNAME} --from DE`,
    '  rehearse a failover, with a report:',
    `    npx portolan drill run --action fail --cluster frankfurt --duration 20 --metrics-port ${m.backendPort}`,
    '  stop the EU clusters and see that residency refuses to send Germans elsewhere; then wake them:',
    `    kill -STOP ${eu}`,
    `    npx portolan resolve ${HOSTNAME} --from DE`,
    `    kill -CONT ${eu}`,
    '  the protected API, at the gateway of each agent: without a key (401), where the key may not (403), with it (200):',
    ...CLUSTERS.flatMap(({ address }) => apiLines(`http://${address}:${m.gatewayPort}`, m.apiKey)),
    `  one limit over all of them: ${CALLS_PER_MINUTE} calls a minute for each key, wherever they arrive (200, then 429):`,
    limitedLine(m.gatewayPort, m.apiKey),
    '    npx portolan quota get',
    ...tlsLines(m),
    '  a key of your own, good at every agent within a second:',
    '    npx portolan key create me',
    '  why a request may pass or not:',
    `    npx portolan explain route ${CLUSTERS[0]?.address ?? ''}/admin`,
    '  join a fifth cluster by hand:',
    '    npx portolan cluster create tokyo --country JP --address 127.0.1.5',
    '    npx portolan cluster join "$(npx portolan cluster token tokyo -o name)" --data-dir .portolan/dev/agents/tokyo --dns 127.0.0.1:5305 --allow-range 127.0.0.0/8',
    '',
    `API ${m.api} (token in ${m.tokenFile}) · state and logs in ${m.folder} · Ctrl-C stops everything`,
  ];
}
