import type { Resource } from '../../src/resources/catalogue.ts';
import type { DrillCountryReport, DrillEvent } from '../../src/resources/drill.ts';
import { table } from './table.ts';

/** Endpoint names by address (or CNAME target). */
export type AddressNames = ReadonlyMap<string, string>;

/** `  +0.8 s  detected   812 ms: …`, the time since the drill started. */
export function timelineLine(event: DrillEvent, startedAt: string | undefined): string {
  const seconds = startedAt === undefined ? 0 : (Date.parse(event.at) - Date.parse(startedAt)) / 1000;
  return `${`+${seconds.toFixed(1)} s`.padStart(9)}  ${event.kind.padEnd(9)}  ${event.message}`;
}

/** Without a time: either the cluster does not answer there, or the drill ended before every name server had left it. */
function convergedText({ convergedMs, affected, before, during }: DrillCountryReport): string {
  if (convergedMs !== undefined) return `${convergedMs} ms`;
  return (affected ?? before.join() !== during.join()) ? 'not converged' : 'not affected';
}

/** The report for people. */
export function drillReportLines(drill: Resource<'Drill'>, names: AddressNames): readonly string[] {
  const { status, spec, metadata } = drill;
  const title = `drill ${metadata.namespace}/${metadata.name}: ${spec.action} ${spec.cluster} for ${spec.durationSeconds} s`;
  const report = status?.report;
  if (report === undefined) return [title, `  ${status?.phase ?? 'Planned'}; there is no report yet`];
  const milliseconds = (value: number | undefined): string => (value === undefined ? '-' : `${value} ms`);
  const shown = (answers: readonly string[]): string =>
    answers.map((a) => (names.has(a) ? `${names.get(a) ?? ''} (${a})` : a)).join(', ');
  const countries =
    report.countries.length === 0
      ? []
      : [
          '',
          ...table(
            ['HOSTNAME', 'COUNTRY', 'BEFORE', 'DURING', 'AFTER', 'CONVERGED'],
            report.countries.map((c) => [
              c.hostname.replace(/(.)\.$/, '$1'),
              c.country,
              shown(c.before),
              shown(c.during),
              shown(c.after),
              convergedText(c),
            ]),
          ),
        ];
  const requests =
    report.requests.length === 0
      ? ['', 'requests at the backends were not counted (--metrics-port says where they are)']
      : [
          '',
          ...table(
            ['REQUESTS AT', 'BEFORE', 'DURING', 'AFTER', 'ERRORS'],
            report.requests.map((r) => [
              r.endpoint,
              String(r.before),
              String(r.during),
              String(r.after),
              String(r.errors),
            ]),
          ),
        ];
  return [
    title,
    `  ${status?.phase ?? ''}: ${report.outcome}`,
    '',
    ...table(
      ['DETECT', 'DECIDE', 'PUBLISH', 'CONVERGE', 'STALE TAIL', 'RECOVER'],
      [
        [
          milliseconds(report.detectMs),
          milliseconds(report.decideMs),
          milliseconds(report.publishMs),
          milliseconds(report.convergeMs),
          milliseconds(report.staleTailMs),
          milliseconds(report.recoverMs),
        ],
      ],
    ),
    ...countries,
    ...requests,
  ];
}
