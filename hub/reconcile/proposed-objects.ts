import { type AnyResource, storedVersion } from '../../src/resources/catalogue.ts';
import type { AnyDesired } from '../api/services.ts';

/** A desired object as the store would keep it, so that the world can be made with it before it is stored. */
export function asStored(desired: AnyDesired, current: AnyResource | undefined, nowIso: string): AnyResource {
  const { kind: _kind, spec: _spec, namespace, name, ...maps } = desired;
  const changed = current === undefined || JSON.stringify(current.spec) !== JSON.stringify(desired.spec);
  const metadata = {
    ...maps,
    namespace,
    name,
    uid: current?.metadata.uid ?? `proposed-${desired.kind}-${namespace}-${name}`,
    resourceVersion: current?.metadata.resourceVersion ?? '0',
    generation: (current?.metadata.generation ?? 0) + (changed ? 1 : 0),
    creationTimestamp: current?.metadata.creationTimestamp ?? nowIso,
  };
  return stored(desired, metadata, current);
}

function stored(
  desired: AnyDesired,
  metadata: AnyResource['metadata'],
  current: AnyResource | undefined,
): AnyResource {
  const status = current?.status === undefined ? {} : { status: current.status };
  // kind and spec come from one desired object, so they fit together; the compiler cannot follow the pairing.
  return {
    apiVersion: storedVersion(desired.kind),
    kind: desired.kind,
    spec: desired.spec,
    metadata,
    ...status,
  } as AnyResource;
}
