import { isDeepStrictEqual } from 'node:util';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { formatPath } from '../../src/resources/path.ts';
import type { PlannedDocument } from './schemas.ts';
import type { AnyDesired } from './services.ts';

/** More differing fields than these are not listed one by one. */
const MAX_FIELDS = 200;

/** Which fields an update changes. A Secret's values are named by key and never shown. */
export function differences(current: AnyResource, next: AnyDesired): PlannedDocument['fields'] {
  const fields: { path: string; before?: unknown; after?: unknown }[] = [];
  const { labels, annotations } = current.metadata;
  compare(
    { metadata: { labels, annotations } },
    { metadata: { labels: next.labels, annotations: next.annotations } },
    [],
    fields,
  );
  if (next.kind === 'Secret') {
    for (const [key, value] of Object.entries(next.spec.stringData ?? {})) {
      fields.push({
        path: formatPath(['spec', 'stringData', key]),
        ...(value === null ? { before: '(hidden)' } : { after: '(hidden)' }),
      });
    }
  } else {
    compare({ spec: current.spec }, { spec: next.spec }, [], fields);
  }
  return fields.slice(0, MAX_FIELDS);
}

function compare(
  before: unknown,
  after: unknown,
  path: readonly (string | number)[],
  out: { path: string; before?: unknown; after?: unknown }[],
): void {
  if (out.length >= MAX_FIELDS || isDeepStrictEqual(before, after)) return;
  if (isMapping(before) && isMapping(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      compare(before[key], after[key], [...path, key], out);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    for (const [i, value] of before.entries()) compare(value, after[i], [...path, i], out);
    return;
  }
  out.push({
    path: formatPath(path),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  });
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
