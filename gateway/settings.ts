import { isIP } from 'node:net';
import { z } from 'zod';
import { cidr } from '../src/resources/fields.ts';

const filePath = z.string().min(1).max(4096);

/** Threads share it, so it cannot be left to the system. */
const address = z.string().transform((text, context): { readonly host: string; readonly port: number } => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):([1-9]\d{0,4})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  context.addIssue({
    code: 'custom',
    message: `${JSON.stringify(text)} is no address with a port`,
    params: { fix: 'Write host:port, such as 127.0.0.1:9180 or [::1]:9180.' },
  });
  return z.NEVER;
});

/** `gateway:` of an agent's configuration file. */
export const gatewaySettings = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Serve the Gateways of the cluster. Nothing is started or bound while there is none.'),
  host: z
    .string()
    .refine((text) => isIP(text) !== 0, {
      params: { fix: 'Write an address, such as 0.0.0.0, :: or 192.0.2.1.' },
      error: 'is no IP address',
    })
    .default('127.0.0.1')
    .describe('The address that listeners are bound to; `::` for every address of the machine.'),
  ports: z
    .record(z.string().regex(/^[1-9]\d{0,4}$/), z.number().int().min(0).max(65_535))
    .default({})
    .describe(
      'Where a port of a Gateway is really bound, such as `{"443": 8443, "80": 8080}`; 0 lets the system choose. A port that is not named is bound as the Gateway says.',
    ),
  workers: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Threads that serve, sharing the ports (SO_REUSEPORT, Linux).'),
  certificates: z
    .array(z.strictObject({ certificateFile: filePath, keyFile: filePath }))
    .max(100)
    .default([])
    .describe(
      'Certificates (PEM, the chain after each) that win over those of Secrets for the names they hold. Read again when a file changes.',
    ),
  authorization: z
    .strictObject({
      listen: address
        .optional()
        .describe(
          'Where nginx (auth_request), Caddy and Traefik (forward_auth) ask who may pass, HTTP; none when left out.',
        ),
      grpcListen: address
        .optional()
        .describe('Where Envoy and Istio ask (ext_authz, gRPC without TLS); none when left out.'),
      trustedPeers: z
        .array(cidr)
        .max(100)
        .default(['127.0.0.0/8', '::1/128'])
        .describe('Who may ask, CIDR: what such a proxy says of its clients is believed.'),
    })
    .prefault({})
    .describe('The same policies for proxies that are there already: docs/guides/existing-proxies.md.'),
  plugin: z
    .strictObject({
      socket: filePath
        .optional()
        .describe(
          'A Unix socket for services on this machine that use `portolan/plugin`; none when left out. Who may open it (mode 0660) gets the policies, their secrets and the digests of the keys.',
        ),
    })
    .prefault({}),
  quota: z
    .strictObject({
      keys: z
        .number()
        .int()
        .min(1_024)
        .max(4_194_304)
        .default(65_536)
        .describe('Keys of rate limits in use at once, 150 octets each; others are refused meanwhile.'),
    })
    .prefault({}),
  accessLog: z
    .strictObject({
      file: filePath
        .optional()
        .describe('Appended to; standard output when left out. SIGHUP opens it anew, for log rotation.'),
    })
    .prefault({}),
  graceSeconds: z
    .number()
    .min(0)
    .max(3600)
    .default(10)
    .describe('How long requests may take to finish when the agent ends.'),
});

export type GatewaySettings = z.output<typeof gatewaySettings>;
