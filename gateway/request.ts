/** Header fields as a flat list `name, value, name, value …`: names in lower case, in the order received, after normalisation. */
export type Fields = readonly string[];

/**
 * A request after normalisation: the only thing that routing, policies and logs look at. What a client wrote otherwise (absolute
 * form, two Hosts, dot segments) is resolved or was refused before.
 */
export interface GatewayRequest {
  /** Given to logs, the backend (`x-request-id`) and problem documents. */
  readonly id: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Lower case, without port and trailing dot. */
  readonly host: string;
  /** Of the Host field, or the default of the scheme. */
  readonly port: number;
  /** Starts with `/`; percent-encoding normalised (RFC 3986 §6.2.2), without query. */
  readonly path: string;
  /** Without `?`; empty when there is none. */
  readonly query: string;
  readonly fields: Fields;
  readonly httpVersion: '1.0' | '1.1' | '2';
  /** Who sent it: after PROXY protocol and trusted `X-Forwarded-For`. */
  readonly source: ClientSource;
  readonly tls: ConnectionTls | undefined;
  /** Wall clock at its start, milliseconds since 1970. */
  readonly wallMs: number;
}

export interface ClientSource {
  readonly address: string;
  readonly port: number;
  /** The peer of the TCP connection. */
  readonly peer: string;
  /** The peer is a trusted proxy: its identity headers (`plain`, forwarded certificates) may be believed. */
  readonly trusted: boolean;
}

export interface ConnectionTls {
  readonly serverName: string | undefined;
  readonly protocol: string;
  /** DER of the verified client certificate and its issuers, leaf first; empty: none was shown. Costly: asked only when needed. */
  peerChain(): readonly Uint8Array[];
}

/** First value of a field, or undefined. @param name in lower case */
export function fieldOf(fields: Fields, name: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
  return undefined;
}
