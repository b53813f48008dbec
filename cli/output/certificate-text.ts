import type {
  Certificate,
  CertificateDetail,
  CertificateHistory,
  CertificateTrial,
} from '../../src/client/client.ts';
import { durationText } from './duration.ts';
import { table } from './table.ts';

/** One row each. */
export function certificateRows(
  items: readonly Certificate[],
  options: { readonly nowMs: number; readonly namespaces: boolean },
): readonly string[] {
  const { nowMs, namespaces } = options;
  const rows = items.map((one) => [
    ...(namespaces ? [one.namespace] : []),
    one.id,
    one.policy,
    short(one.dnsNames, 2),
    one.issuer,
    one.state,
    one.notAfter === undefined ? '' : fromNow(one.notAfter, nowMs),
    one.renewAt === undefined ? '' : fromNow(one.renewAt, nowMs),
    one.clusters.map(clusterText).join(', '),
  ]);
  const notes = items.flatMap(({ id, message }) => (message === undefined ? [] : [`${id}: ${message}`]));
  return [
    ...table(
      [
        ...(namespaces ? ['NAMESPACE'] : []),
        ...['ID', 'POLICY', 'NAMES', 'ISSUER', 'STATE', 'EXPIRES', 'RENEWS', 'CLUSTERS'],
      ],
      rows,
    ),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ];
}

/** Everything about one. */
export function certificateLines(found: CertificateDetail, nowMs: number): readonly string[] {
  const { key, order, ari, failures, revocation } = found;
  const head: readonly (readonly [string, string | undefined])[] = [
    ['Id', found.id],
    ['Namespace', found.namespace],
    ['Policy', found.policy],
    ['Names', found.dnsNames.join(', ')],
    ['State', found.message === undefined ? found.state : `${found.state}: ${found.message}`],
    ['Issuer', found.issuer],
    ['Key', `${key.algorithm}, ${keyPlace(key)}, ${key.reuse ? 'kept' : 'a new one'} at renewal`],
    ['Serial', found.serial],
    ['SHA-256', found.sha256],
    ['Valid from', at(found.notBefore, nowMs)],
    ['Valid until', at(found.notAfter, nowMs)],
    ['Revoked', at(found.revokedAt, nowMs)],
    [
      'Renewal',
      found.renewal.at === undefined
        ? found.renewal.why
        : `${at(found.renewal.at, nowMs)}: ${found.renewal.why}`,
    ],
    [
      'CA suggests',
      ari === undefined
        ? undefined
        : `${ari.start} to ${ari.end}${ari.explanationUrl === undefined ? '' : `, see ${ari.explanationUrl}`}; asked again ${fromNow(ari.nextCheckAt, nowMs)}`,
    ],
    [
      'Revocation',
      revocation === undefined
        ? undefined
        : `${revocation.serial} is revoked (${revocation.reason}) once its replacement is there; asked for at ${revocation.askedAt}`,
    ],
  ];
  return [
    ...head.flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [`${`${name}:`.padEnd(13)}${value}`],
    ),
    ...section(
      'Chain',
      found.chain.flatMap((link, i) => [
        `${i}  ${link.subject}`,
        `   by ${link.issuer}, serial ${link.serial}, ${link.notBefore} to ${link.notAfter}`,
      ]),
    ),
    ...section(
      'Order',
      order === undefined
        ? []
        : [
            `${order.phase} at ${order.issuer} since ${order.startedAt}: ${order.waitsFor}`,
            ...(order.url === undefined ? [] : [order.url]),
            ...table(
              ['CHALLENGE', 'TYPE', 'WAITS FOR'],
              order.challenges.map((c) => [c.name, c.type, c.waitsFor]),
            ).slice(order.challenges.length === 0 ? 1 : 0),
          ],
    ),
    ...section(
      'Limits of the CA, with the next order',
      found.forecast.map(({ text }) => text),
    ),
    ...section(
      'Clusters',
      found.clusters.length === 0
        ? []
        : table(
            ['CLUSTER', 'HAS IT', 'SHOWS IT', 'DETAIL'],
            found.clusters.map((c) => [c.name, c.delivered ? 'yes' : 'not yet', c.served, c.detail ?? '']),
          ),
    ),
    ...section(
      'Failures',
      failures === undefined
        ? []
        : [
            `${failures.count} since ${failures.firstAt} (${Object.entries(failures.byIssuer)
              .map(([name, count]) => `${name}: ${count}`)
              .join(', ')}), the last at ${failures.lastAt}`,
            `error ${failures.code}: ${failures.message}`,
            ...(failures.fix === undefined ? [] : [`fix: ${failures.fix}`]),
            `next try ${at(failures.nextTryAt, nowMs) ?? ''}`,
          ],
    ),
  ];
}

export function historyLines(history: CertificateHistory): readonly string[] {
  if (history.items.length === 0) return ['Nothing happened to it yet.'];
  return table(
    ['AT', 'EVENT', 'ISSUER', 'SERIAL', 'NAMES', 'DETAIL'],
    history.items.map((e) => [e.at, e.event, e.issuer, e.serial ?? '', short(e.dnsNames, 2), e.detail ?? '']),
  );
}

export function trialLines(trial: CertificateTrial): readonly string[] {
  const { state, problem } = trial;
  const what = `${trial.dnsNames.join(', ')} at ${trial.directory} (Issuer ${trial.issuer})`;
  switch (state) {
    case 'running':
      return [`under way since ${trial.startedAt}: ${what}`];
    case 'passed':
      return [
        `passed: ${what} gives a certificate; it was thrown away, and nothing that is served was touched`,
      ];
    case 'failed':
      return [
        `failed: ${what}`,
        ...(problem === undefined
          ? []
          : [`error ${problem.code}: ${problem.message}`, `fix: ${problem.fix}`]),
      ];
  }
}

/** `in 59 days`, `in 5 hours`, `2 days ago`, `now`. */
export function fromNow(instant: string, nowMs: number): string {
  const ms = Date.parse(instant) - nowMs;
  if (Math.abs(ms) < 1000) return 'now';
  const words = inWords(Math.abs(ms));
  return ms > 0 ? `in ${words}` : `${words} ago`;
}

function inWords(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours >= 48) return `${Math.floor(hours / 24)} days`;
  if (hours >= 2) return `${Math.floor(hours)} hours`;
  return durationText(ms);
}

function at(instant: string | undefined, nowMs: number): string | undefined {
  return instant === undefined ? undefined : `${instant} (${fromNow(instant, nowMs)})`;
}

function keyPlace({ location, cluster }: CertificateDetail['key']): string {
  return location === 'hub'
    ? 'made and kept (encrypted) by the hub'
    : `made and kept by the agent of ${cluster ?? 'its cluster'}; the hub never has it`;
}

function clusterText({ name, delivered, served }: Certificate['clusters'][number]): string {
  const short = name.split('/').at(-1) ?? name;
  if (!delivered) return `${short} (pending)`;
  return served === 'no' ? `${short} (not served)` : short;
}

function short(values: readonly string[], most: number): string {
  return values.length <= most
    ? values.join(',')
    : `${values.slice(0, most).join(',')} +${values.length - most}`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];
}
