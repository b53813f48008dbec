import type { IncomingMessage } from 'node:http';
import { ask, refusalOf } from './node-request.ts';
import type { Portolan } from './portolan.ts';

/** What of fastify is used; its types are not asked for. */
interface FastifyInstance {
  addHook(
    name: 'onRequest',
    hook: (
      request: { readonly raw: IncomingMessage; readonly query: unknown },
      reply: {
        header(name: string, value: string): unknown;
        code(status: number): { headers(values: Record<string, string>): { send(body: string): unknown } };
      },
      done: () => void,
    ) => void,
  ): unknown;
}

/** For fastify: `fastifyPortolan(app, portolan)` before routes are added; handlers find the caller as `request.raw.portolan`. */
export function fastifyPortolan(app: FastifyInstance, portolan: Portolan): void {
  app.addHook('onRequest', (request, reply, done) => {
    ask(
      portolan,
      request.raw,
      ({ decision, answerFields }) => {
        for (let at = 0; at + 1 < answerFields.length; at += 2)
          reply.header(answerFields[at] ?? '', answerFields[at + 1] ?? '');
        // fastify has read the query before any hook could take a credential out of it.
        const { query } = request;
        if (typeof query === 'object' && query !== null)
          for (const name of decision?.removedQuery ?? []) Reflect.deleteProperty(query, name);
        done();
      },
      (ruling) => {
        const { status, headers, body } = refusalOf(ruling);
        reply
          .code(status)
          .headers({ ...headers })
          .send(body);
      },
    );
  });
}
