import { PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { parseResource } from '../../src/resources/validate.ts';
import type { ZoneSpec } from '../../src/resources/zone.ts';
import type { HubServices } from '../api/services.ts';
import { RECONCILE_ACTOR } from '../reconcile/leadership.ts';
import type { Store } from '../store/contract.ts';

export interface ZoneDocumentsOptions {
  readonly store: Pick<Store, 'get' | 'list' | 'commit' | 'epoch'>;
  readonly admit: HubServices['admit'];
}

interface StoredZone {
  /** `namespace/name`. */
  readonly key: string;
  readonly resourceVersion: string;
  readonly spec: ZoneSpec;
}

/**
 * The Zones of the store, for what writes records into them by itself. A change passes the schema and the admission of everybody's change (I7), and is stored only
 * if the Zone is still the one that was read, and this hub leads.
 */
export function createZoneDocuments({ store, admit }: ZoneDocumentsOptions) {
  const documentOf = ({ metadata, spec }: Resource<'Zone'>): StoredZone => ({
    key: `${metadata.namespace}/${metadata.name}`,
    resourceVersion: metadata.resourceVersion,
    spec,
  });
  const keyOf = (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    return { kind: 'Zone', namespace, name } as const;
  };
  return {
    async list(): Promise<readonly StoredZone[]> {
      const { items } = await store.list({ kind: 'Zone' });
      return items.flatMap((item) =>
        item.kind === 'Zone' && item.metadata.deletionTimestamp === undefined ? [documentOf(item)] : [],
      );
    },
    async get(key: string): Promise<StoredZone | undefined> {
      const found = await store.get(keyOf(key));
      return found === undefined ? undefined : documentOf(found);
    },
    async replaceRecords(document: StoredZone, records: ZoneSpec['records']): Promise<void> {
      const key = keyOf(document.key);
      const current = await store.get(key);
      if (current === undefined) throw new PortolanError('NOT_FOUND', `there is no Zone ${document.key}`);
      if (current.metadata.resourceVersion !== document.resourceVersion)
        throw new PortolanError('CONFLICT', `Zone ${document.key} changed meanwhile`);
      const { labels, annotations, finalizers } = current.metadata;
      const { apiVersion, kind } = current;
      const metadata = { namespace: key.namespace, name: key.name };
      const parsed = parseResource({ apiVersion, kind, metadata, spec: { ...document.spec, records } });
      if (parsed.kind !== 'Zone') throw new PortolanError('INTERNAL', `${document.key} is no Zone`);
      const { spec } = parsed;
      const next = {
        kind: 'Zone',
        namespace: key.namespace,
        name: key.name,
        spec,
        labels,
        annotations,
        finalizers,
      } as const;
      const admission = await admit([{ type: 'update', key, current, next }], {
        actor: RECONCILE_ACTOR,
        dryRun: false,
        force: false,
      });
      if (!admission.ok) {
        const [first] = admission.violations;
        throw new PortolanError(first?.code ?? 'VALIDATION_FAILED', first?.message ?? 'it is not admitted', {
          ...(first === undefined ? {} : { fix: first.fix }),
          violations: admission.violations.map(({ change: _change, ...violation }) => violation),
        });
      }
      await store.commit(
        [{ type: 'update', key, spec, labels, annotations, resourceVersion: document.resourceVersion }],
        { actor: RECONCILE_ACTOR, epoch: store.epoch, verb: 'zone.records' },
      );
    },
  };
}
