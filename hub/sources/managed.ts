import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import type { Key } from '../store/contract.ts';
import { MANAGED_BY, type SourceName } from './contract.ts';

const SOURCE_NAMES: readonly SourceName[] = ['git-folder', 'kubernetes'];

/** What a source is called towards people. */
export const SOURCE_TITLES: Readonly<Record<SourceName, string>> = {
  'git-folder': 'the Git folder',
  kubernetes: 'Kubernetes',
};

/** The source that sets a stored object; undefined: a person does. */
export function managerOf({ metadata }: Pick<AnyResource, 'metadata'>): SourceName | undefined {
  const manager = metadata.annotations[MANAGED_BY];
  return SOURCE_NAMES.find((name) => name === manager);
}

/** `Kind namespace/name`: how a source names an object. */
export function idOf({ kind, namespace, name }: Key): string {
  return `${kind} ${namespace}/${name}`;
}

/** The key of a stored object. */
export function keyOfStored({ kind, metadata }: AnyResource): Key {
  return { kind, namespace: metadata.namespace, name: metadata.name };
}

/** @param origin where the source has it from, when it is known */
export function managedElsewhere(key: Key, source: SourceName, origin: string | undefined): PortolanError {
  const from = origin === undefined ? '' : ` (${origin})`;
  const message = `${idOf(key)} is set by ${SOURCE_TITLES[source]}${from}, which would overrule this`;
  const fix = `Change it there${origin === undefined ? '' : `, in ${origin}`}; in an emergency an admin takes it over with --take-over and --reason.`;
  return new PortolanError('MANAGED_ELSEWHERE', message, {
    fix,
    violations: [{ path: '', code: 'MANAGED_ELSEWHERE', message, fix }],
  });
}
