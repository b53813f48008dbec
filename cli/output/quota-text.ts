import type { QuotaLimit, QuotaList } from '../../src/client/client.ts';
import { durationText, millisecondsText } from './duration.ts';
import { table } from './table.ts';

const HEADINGS = [
  'LIMIT',
  'KEY',
  'CLUSTER',
  'HITS',
  'SPENT',
  'LEASED',
  'FLOOR',
  'LEFT',
  'WANTED',
  'LEASE AGE',
  'ENDS IN',
];

/** A row for each key over all clusters, below it one for each cluster that has some of it. */
export function quotaLines(list: QuotaList): readonly string[] {
  if (list.items.length === 0) return ['No limits: apply a RateLimitPolicy.'];
  const nowMs = Date.parse(list.at);
  const notes = list.items.flatMap((limit) => notesOf(limit));
  const paused =
    list.pausedUntil === undefined
      ? []
      : [`Nothing is granted before ${list.pausedUntil}: the hub's clock could not be shown to go on.`];
  return [
    ...table(
      HEADINGS,
      list.items.flatMap((limit) => rowsOf(limit, nowMs)),
    ),
    ...(notes.length + paused.length === 0 ? [] : ['', ...paused, ...notes]),
  ];
}

function rowsOf(limit: QuotaLimit, nowMs: number): readonly (readonly string[])[] {
  if (limit.keys.length === 0) return [[limit.limit, '', 'not in use', String(limit.hits)]];
  return limit.keys.flatMap((key) => {
    const window = key.windows.find(({ start }) => start === undefined || Date.parse(start) <= nowMs);
    const shown = window ?? key.windows[0];
    if (shown === undefined) return [[limit.limit, key.key, 'not in use', String(key.hits)]];
    const { spent, leased, floors, left, end, clusters } = shown;
    const wanted = clusters.reduce((sum, { demandPerSecond }) => sum + demandPerSecond, 0);
    const whole = [
      limit.limit,
      key.key,
      'all',
      String(key.hits),
      ...[spent, leased, floors, left].map((n) => String(Math.round(n))),
      rate(wanted),
      '',
      end === undefined ? '' : durationText(Date.parse(end) - nowMs),
    ];
    const parts = clusters.map((one) => [
      limit.limit,
      key.key,
      one.cluster === '' ? 'gone' : one.cluster,
      '',
      String(one.spent),
      String(one.leased),
      String(one.floor),
      '',
      rate(one.demandPerSecond),
      millisecondsText(one.leaseAgeMs),
    ]);
    return [whole, ...parts];
  });
}

function rate(perSecond: number): string {
  return perSecond === 0 ? '' : `${Number(perSecond.toPrecision(3))}/s`;
}

function notesOf({ limit, keys }: QuotaLimit): readonly string[] {
  return keys.flatMap(({ key, hits, overriddenUntil, effectiveAt }) => {
    const of = key === '' ? limit : `${key} of ${limit}`;
    return [
      ...(overriddenUntil === undefined ? [] : [`${of} is set to ${hits} until ${overriddenUntil}.`]),
      ...(effectiveAt === undefined
        ? []
        : [
            `More of ${of} is out than ${hits}: ${hits} holds for all from ${effectiveAt} on, at the latest.`,
          ]),
    ];
  });
}
