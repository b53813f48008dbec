import { stringify } from 'yaml';
import type { AnyResource, Kind } from '../../src/resources/catalogue.ts';
import { API_VERSION } from '../../src/resources/metadata.ts';

/** `value` as a document of its own, ending in a line break. Long texts are not folded: they are copied from terminals. */
export function documentText(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json'
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : stringify(value, { lineWidth: 0, version: '1.2', aliasDuplicateObjects: false });
}

/** What `get` prints for several objects and `apply` reads. */
export function listDocument(items: readonly AnyResource[]): {
  readonly apiVersion: string;
  readonly kind: 'List';
  readonly items: readonly AnyResource[];
} {
  return { apiVersion: API_VERSION, kind: 'List', items };
}

/** `cluster/paris`, as `-o name` and `apply` print it. */
export function objectName(kind: Kind | string, name: string): string {
  return `${kind.toLowerCase()}/${name}`;
}
