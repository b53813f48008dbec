import { PortolanError } from '../../src/errors/error.ts';
import type { InventoryStatuses } from '../../src/protocol/generated/portolan_pb.js';
import { parseGatewayStatus, parseOwnEntries } from './status-content.ts';
import type { StatusKey, WantedStatus } from './status-writer.ts';

/** What the hub said last of the objects of the cluster. It stays when the hub goes away. */
export interface HubStatuses {
  /** @returns of which objects it said something new; of another session nothing */
  take(message: InventoryStatuses): readonly StatusKey[];
  /** Undefined: it said nothing of this very object. */
  of(key: StatusKey, uid: string): WantedStatus | undefined;
  /** The object is gone. */
  forget(key: StatusKey): void;
}

export function createHubStatuses(
  session: string,
  log: { warn(details: object, message: string): void },
): HubStatuses {
  /** JSON, parsed again when it is looked at: there are thousands, and they are looked at once. */
  const said = new Map<StatusKey, { readonly uid: string; readonly status: string }>();

  return {
    take(message) {
      if (message.session !== session) return [];
      return message.statuses.flatMap(({ kind, namespace, name, uid, status }) => {
        const known = writtenKind(kind);
        if (known === undefined) return [];
        const key: StatusKey = `${known} ${namespace}/${name}`;
        try {
          parse(known, status);
        } catch (thrown) {
          const { message: why } = PortolanError.from(thrown);
          log.warn(
            { object: key, err: { message: why } },
            'a status of the hub cannot be read; it is left out',
          );
          return [];
        }
        said.set(key, { uid, status });
        return [key];
      });
    },
    of(key, uid) {
      const found = said.get(key);
      const kind = writtenKind(key.slice(0, key.indexOf(' ')));
      return found?.uid === uid && kind !== undefined ? parse(kind, found.status) : undefined;
    },
    forget: (key) => void said.delete(key),
  };
}

function writtenKind(kind: string): Exclude<WantedStatus['kind'], 'GatewayClass'> | undefined {
  switch (kind) {
    case 'Gateway':
    case 'HTTPRoute':
    case 'GRPCRoute':
    case 'BackendTLSPolicy':
      return kind;
    default:
      return undefined;
  }
}

function parse(kind: Exclude<WantedStatus['kind'], 'GatewayClass'>, status: string): WantedStatus {
  const json: unknown = JSON.parse(status);
  return kind === 'Gateway'
    ? { kind, status: parseGatewayStatus(json) }
    : { kind, entries: parseOwnEntries(json) };
}
