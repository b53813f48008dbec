import { PortolanError } from '../../src/errors/error.ts';
import type { DnsPart } from '../../src/protocol/snapshot.ts';
import { parseTsigSecret, tsigSecretsOf } from '../../src/resources/tsig-secret.ts';
import { objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { Store } from '../store/contract.ts';

/** The TSIG keys (RFC 8945) that zones name, read from their Secrets. */
export interface TsigKeys {
  /**
   * Reads the keys of these zones. A Secret that is gone or cannot be read as a key is left out: nobody passes by it then.
   * @throws PortolanError STORE_UNAVAILABLE
   */
  refresh(world: World): Promise<void>;
  /** The same object as long as nothing changed. */
  readonly all: DnsPart['tsigKeys'];
}

export function createTsigKeys(
  store: Pick<Store, 'secretData'>,
  log: { warn(details: object, message: string): void },
): TsigKeys {
  let keys: DnsPart['tsigKeys'] = {};
  /** What the keys were read from: uid and generation of each Secret. */
  let readFrom = '';
  return {
    async refresh(world) {
      const wanted = new Map<string, { readonly namespace: string; readonly name: string }>();
      for (const { metadata, spec } of world.objects.Zone.values()) {
        if (metadata.deletionTimestamp !== undefined) continue;
        for (const name of tsigSecretsOf(spec.transfers)) {
          wanted.set(objectKey(metadata.namespace, name), { namespace: metadata.namespace, name });
        }
      }
      const ordered = [...wanted].sort(([a], [b]) => (a < b ? -1 : 1));
      const inputs = ordered
        .map(([key]) => {
          const secret = world.objects.Secret.get(key)?.metadata;
          return `${key} ${secret?.uid ?? ''}.${secret?.generation ?? 0}`;
        })
        .join('\n');
      if (inputs === readFrom) return;
      const next: Record<string, DnsPart['tsigKeys'][string]> = {};
      for (const [key, { namespace, name }] of ordered) {
        const values = await store
          .secretData({ kind: 'Secret', namespace, name })
          .catch((thrown: unknown) => {
            const error = PortolanError.from(thrown);
            if (error.code === 'STORE_UNAVAILABLE') throw error;
            log.warn({ err: error, secret: key }, 'a TSIG key cannot be read; nobody passes by it');
            return undefined;
          });
        const parsed = values === undefined ? { problem: 'it does not exist' } : parseTsigSecret(values);
        if ('key' in parsed) next[key] = parsed.key;
        else log.warn({ secret: key }, `a TSIG key is not usable: ${parsed.problem}`);
      }
      keys = next;
      readFrom = inputs;
    },
    get all() {
      return keys;
    },
  };
}
