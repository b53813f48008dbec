import { z } from 'zod';
import { port } from './fields.ts';
import { type Condition, objectName } from './metadata.ts';
import {
  apiGroup,
  GATEWAY_API_GROUP,
  kindName,
  labelMap,
  labelSelector,
  referencedName,
  routeHostname,
  sectionName,
} from './route-fields.ts';

/** `gatewayClassName` of the Gateways that agents run. */
export const GATEWAY_CLASS = 'portolan';
/** `controllerName` in the statuses of routes and policies. */
export const GATEWAY_CONTROLLER = 'portolan.dev/gateway-controller';
/** Annotation of a Gateway: names of clusters, separated by commas; absent: all of its namespace. */
export const CLUSTERS_ANNOTATION = 'portolan.dev/clusters';
/** Key of a listener's `tls.options`; the value `internal` asks for a certificate of the hub's development CA. */
export const CERTIFICATE_OPTION = 'portolan.dev/certificate';

export const secretObjectReference = z.strictObject({
  group: apiGroup.default(''),
  kind: kindName.default('Secret'),
  name: referencedName.describe(
    'A Secret with `tls.crt` (the chain) and `tls.key`, both PEM; on listeners also a CertificatePolicy (group `portolan.dev`, kind `CertificatePolicy`).',
  ),
  namespace: objectName
    .optional()
    .describe("Default: the Gateway's own; another one takes a ReferenceGrant there."),
});
export type SecretObjectReference = z.output<typeof secretObjectReference>;

const caReference = z.strictObject({
  group: apiGroup.default(''),
  kind: kindName.default('Secret'),
  name: referencedName.describe('A Secret with `ca.crt`, PEM.'),
  namespace: objectName.optional(),
});

const frontendTls = z.strictObject({
  validation: z
    .strictObject({
      caCertificateRefs: z.array(caReference).min(1).max(8),
      mode: z
        .enum(['AllowValidOnly', 'AllowInsecureFallback'])
        .default('AllowValidOnly')
        .describe(
          'Without a valid client certificate: refused, or let through to be judged by an AuthPolicy.',
        ),
    })
    .optional(),
});

const options = z.record(z.string().min(1).max(253), z.string().max(4096));

const listenerTls = z
  .strictObject({
    mode: z.enum(['Terminate', 'Passthrough']).default('Terminate'),
    certificateRefs: z.array(secretObjectReference).max(64).default([]),
    options: options
      .default({})
      .describe(
        `\`${CERTIFICATE_OPTION}: internal\`: a certificate for the hostname from the hub's development CA.`,
      ),
  })
  .superRefine((tls, context) => {
    for (const key of Object.keys(tls.options)) {
      if (key !== CERTIFICATE_OPTION)
        context.addIssue({
          code: 'custom',
          path: ['options', key],
          message: 'is no option of this gateway',
          params: { code: 'GATEWAY_INVALID', fix: `Remove it; the only one is ${CERTIFICATE_OPTION}.` },
        });
      else if (tls.options[key] !== 'internal')
        context.addIssue({ code: 'custom', path: ['options', key], message: 'must be `internal`' });
    }
  });

const listener = z
  .strictObject({
    name: sectionName,
    hostname: routeHostname.optional().describe('Default: every host.'),
    port,
    protocol: z
      .string()
      .min(1)
      .max(255)
      .regex(
        /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/[A-Za-z0-9]+$/,
        'a protocol such as HTTP or HTTPS',
      )
      .describe('`HTTP` or `HTTPS`; a listener with another one is reported as `UnsupportedProtocol`.'),
    tls: listenerTls.optional(),
    allowedRoutes: z
      .strictObject({
        namespaces: z
          .strictObject({
            from: z.enum(['All', 'Selector', 'Same']).default('Same'),
            selector: labelSelector.optional(),
          })
          .refine((n) => n.from !== 'Selector' || n.selector !== undefined, {
            path: ['selector'],
            message: 'is needed with `from: Selector`',
          })
          .prefault({}),
        kinds: z
          .array(z.strictObject({ group: apiGroup.default(GATEWAY_API_GROUP), kind: kindName }))
          .max(8)
          .default([])
          .describe('Default: HTTPRoute and GRPCRoute.'),
      })
      .prefault({}),
  })
  .superRefine((listener, context) => {
    const { protocol, tls } = listener;
    if (protocol === 'HTTP' && tls !== undefined)
      context.addIssue({ code: 'custom', path: ['tls'], message: 'must not stand on an HTTP listener' });
    if (protocol !== 'HTTPS') return;
    if (tls === undefined)
      context.addIssue({
        code: 'custom',
        path: ['tls'],
        message: 'is needed on an HTTPS listener',
        params: { fix: 'Add tls.certificateRefs, or tls.options with `portolan.dev/certificate: internal`.' },
      });
    else if (tls.mode === 'Passthrough')
      context.addIssue({
        code: 'custom',
        path: ['tls', 'mode'],
        message: 'must be Terminate on an HTTPS listener',
      });
    else if (tls.certificateRefs.length === 0 && tls.options[CERTIFICATE_OPTION] === undefined)
      context.addIssue({
        code: 'custom',
        path: ['tls', 'certificateRefs'],
        message: 'is empty, and no other certificate is asked for',
        params: { fix: 'Name a Secret, or set tls.options `portolan.dev/certificate: internal`.' },
      });
  });
export type ListenerSpec = z.output<typeof listener>;

/** `GatewaySpec` of the Gateway API v1. */
export const gatewaySpec = z
  .strictObject({
    gatewayClassName: z.literal(GATEWAY_CLASS).describe('`portolan`: agents run it.'),
    listeners: z.array(listener).min(1).max(64),
    addresses: z
      .array(
        z.strictObject({
          type: z.enum(['IPAddress', 'Hostname']).default('IPAddress'),
          value: z.string().min(1).max(253),
        }),
      )
      .max(16)
      .default([])
      .describe("Where clients reach it, for the status; default: its clusters'."),
    infrastructure: z
      .strictObject({ labels: labelMap.optional(), annotations: options.optional() })
      .optional()
      .describe('Accepted and of no effect: agents are installed by hand.'),
    tls: z
      .strictObject({
        backend: z
          .strictObject({ clientCertificateRef: secretObjectReference.optional() })
          .optional()
          .describe('The certificate shown to backends that a BackendTLSPolicy covers.'),
        frontend: z
          .strictObject({
            default: frontendTls.prefault({}),
            perPort: z
              .array(z.strictObject({ port, tls: frontendTls }))
              .max(64)
              .default([]),
          })
          .optional()
          .describe('Client certificates.'),
      })
      .optional(),
  })
  .superRefine((gateway, context) => {
    const names = new Set<string>();
    for (const [i, { name }] of gateway.listeners.entries()) {
      if (names.has(name))
        context.addIssue({
          code: 'custom',
          path: ['listeners', i, 'name'],
          message: `listener "${name}" stands here twice`,
          params: { fix: 'Rename one of them.' },
        });
      names.add(name);
    }
  });
export type GatewaySpec = z.output<typeof gatewaySpec>;

/** `GatewayStatus`. */
export interface GatewayStatus {
  readonly conditions: readonly Condition[];
  readonly addresses: readonly { readonly type: 'IPAddress' | 'Hostname'; readonly value: string }[];
  readonly listeners: readonly ListenerStatus[];
  /** Clusters it runs on, and whether their agents have it. */
  readonly clusters: readonly {
    readonly name: string;
    readonly programmed: boolean;
    readonly detail: string;
  }[];
}

/** `ListenerStatus`. */
export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}
