import { z } from 'zod';
import { nameServerSettings } from '../../nameserver/settings.ts';
import { file, hostName } from './fields.ts';
import { listenAddress } from './listen-address.ts';

const listenPort = z.number().int().min(0).max(65_535);

/** The API. */
export const apiSection = z
  .strictObject({
    host: hostName.default('127.0.0.1'),
    port: listenPort.default(7460),
    allowedHosts: z
      .array(hostName)
      .max(50)
      .default([])
      .describe(
        'Host header values accepted besides the address itself (and localhost on a loopback address).',
      ),
    tls: z.strictObject({ certFile: file, keyFile: file }).optional(),
  })
  .prefault({});

/** Where agents join, and stay connected. */
export const agentsSection = z
  .strictObject({
    joinListen: listenAddress
      .prefault('127.0.0.1:7461')
      .describe('TLS listener for `portolan cluster join`.'),
    linkListen: listenAddress.prefault('127.0.0.1:7462').describe('mTLS gRPC listener for agents.'),
    advertise: z
      .array(hostName)
      .max(8)
      .default([])
      .describe(
        'Names or addresses under which agents reach both; needed when they listen on every interface.',
      ),
  })
  .prefault({});

/** The hub's own name server. */
export const dnsSection = nameServerSettings
  .extend({ listen: z.array(listenAddress).max(16).prefault(['127.0.0.1:8053']) })
  .prefault({});

export const adminSection = z
  .strictObject({ listen: listenAddress })
  .optional()
  .describe(
    'Plain HTTP without tokens for /healthz, /readyz and /metrics, for supervisors; none when left out.',
  );
