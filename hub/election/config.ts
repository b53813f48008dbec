import { z } from 'zod';
import { objectName } from '../../src/resources/metadata.ts';

const url = z
  .url({ protocol: /^https?$/ })
  .max(300)
  .refine((text) => URL.canParse(text) && new URL(text).pathname === '/', 'must have no path');
const address = z
  .string()
  .max(262)
  .regex(/^(?:\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d{1,5}$/, 'host:port');

/** The part `election` of the hub's configuration. */
export const electionSchema = z.strictObject({
  mode: z
    .enum(['none', 'postgres', 'kubernetes'])
    .default('none')
    .describe(
      'How several hubs on one PostgreSQL agree who leads: by a row in it, or by a Lease of Kubernetes. `none`: the hub that started last leads.',
    ),
  identity: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, 'letters, digits, ".", "_" and "-", at most 63')
    .exactOptional()
    .describe('The name of this hub among them; the host name when left out.'),
  advertise: z
    .strictObject({
      api: url.exactOptional().describe('`https://host:port` of the API, for other hubs.'),
      join: address.exactOptional().describe('`host:port` of the join listener, for other hubs.'),
      link: address.exactOptional().describe('`host:port` of the agent link, for other hubs.'),
    })
    .prefault({})
    .describe(
      'How other hubs reach this one. Left out, a listener on one address is reached there; for one on every interface it is required.',
    ),
  caFile: z
    .string()
    .min(1)
    .max(4096)
    .exactOptional()
    .describe("PEM file of the CAs that sign the hubs' API certificates; those of the system when left out."),
  lease: z
    .strictObject({
      namespace: objectName.exactOptional().describe("The pod's own when left out."),
      name: objectName.default('portolan-hub'),
    })
    .prefault({})
    .describe('The Lease, where the mode is `kubernetes`.'),
  leaseSeconds: z
    .number()
    .int()
    .min(3)
    .max(300)
    .default(15)
    .describe(
      'A hub that could not renew for this long leads no more; one that died without a word is replaced after it.',
    ),
});

export interface ElectionSettings {
  readonly mode: 'none' | 'postgres' | 'kubernetes';
  /** Absent: the host name. */
  readonly identity?: string;
  readonly advertise: Advertised;
  /** Absolute path. */
  readonly caFile?: string;
  readonly lease: { readonly namespace?: string; readonly name: string };
  readonly leaseSeconds: number;
}

export interface Advertised {
  /** `https://host:port` */
  readonly api?: string;
  /** `host:port` */
  readonly join?: string;
  readonly link?: string;
}

interface Problem {
  readonly path: string;
  readonly code: 'CONFIG_INVALID';
  readonly message: string;
  readonly fix: string;
}

/** What in the rest of the configuration does not go with this election. */
export function electionProblems(
  { mode, advertise }: Pick<ElectionSettings, 'mode' | 'advertise'>,
  rest: {
    readonly store: 'sqlite' | 'postgres';
    /** Listeners that are on every interface, so that their address says nothing. */
    readonly everywhere: Readonly<Record<keyof Advertised, boolean>>;
  },
): readonly Problem[] {
  if (mode === 'none') return [];
  if (rest.store === 'sqlite')
    return [
      {
        path: 'election.mode',
        code: 'CONFIG_INVALID',
        message: `is ${mode}, but the store is SQLite, which one hub has for itself`,
        fix: 'Give store.postgres.url, the same for all hubs, or leave election out.',
      },
    ];
  return (['api', 'join', 'link'] as const)
    .filter((listener) => rest.everywhere[listener] && advertise[listener] === undefined)
    .map((listener) => ({
      path: `election.advertise.${listener}`,
      code: 'CONFIG_INVALID',
      message: 'is required because that listener is on every interface',
      fix:
        listener === 'api'
          ? 'Write under which URL the other hubs reach the API of this one.'
          : 'Write host:port under which the other hubs reach it.',
    }));
}
