/** `portolan/plugin`: the gateway's policies inside a Node service. Guide: docs/guides/plugin.md. */
export type { AskedRequest, Ruling } from '../gateway/external/desk.ts';
export { type ConnectMiddleware, middleware } from './connect.ts';
export { fastifyPortolan } from './fastify.ts';
export { protect } from './http.ts';
export type { Caller } from './node-request.ts';
export { createPortolan, type Portolan, type PortolanOptions } from './portolan.ts';
