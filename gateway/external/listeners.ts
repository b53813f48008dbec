import type { Server } from 'node:http';
import type { Http2Server } from 'node:http2';
import { PortolanError } from '../../src/errors/error.ts';
import { Networks } from '../client-address.ts';
import type { AuthorizationDesk } from './desk.ts';
import { createGrpcDesk } from './grpc-desk.ts';
import { createHttpDesk } from './http-desk.ts';
import type { QuotaDesk } from './quota-desk.ts';

/** Where other proxies ask, and who may. */
export interface AuthorizationSettings {
  /** `auth_request`, `forward_auth` and `POST /v1/quota/take`; host and port. */
  readonly listen?: { readonly host: string; readonly port: number } | undefined;
  /** Envoy's ext_authz and rate limit service. */
  readonly grpcListen?: { readonly host: string; readonly port: number } | undefined;
  /** CIDR. */
  readonly trustedPeers: readonly string[];
}

export interface AuthorizationListeners {
  close(): Promise<void>;
}

/**
 * Answers other proxies on the ports of the settings, which the threads of a process share.
 * @param quota absent: nobody counts here
 * @throws PortolanError PORT_IN_USE
 */
export async function openAuthorizationListeners(
  desk: AuthorizationDesk,
  settings: AuthorizationSettings,
  quota?: QuotaDesk,
): Promise<AuthorizationListeners> {
  const trusted = new Networks(settings.trustedPeers);
  const http = settings.listen === undefined ? undefined : createHttpDesk(desk, trusted, quota);
  const grpc = settings.grpcListen === undefined ? undefined : createGrpcDesk(desk, trusted, quota);
  const sessions = new Set<{ destroy(): void }>();
  grpc?.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  const close = async (): Promise<void> => {
    http?.closeAllConnections();
    for (const session of sessions) session.destroy();
    await Promise.all(
      [http, grpc].map(
        (server) =>
          new Promise<void>((done) => (server?.listening === true ? server.close(() => done()) : done())),
      ),
    );
  };
  try {
    if (http !== undefined && settings.listen !== undefined) await listen(http, settings.listen);
    if (grpc !== undefined && settings.grpcListen !== undefined) await listen(grpc, settings.grpcListen);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function listen(server: Server | Http2Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new PortolanError('PORT_IN_USE', `${host}:${port} cannot be listened on`, { cause })),
    );
    // One thread cannot have the system choose a port for all.
    server.listen({ host, port, reusePort: port !== 0 }, resolve);
  });
}
