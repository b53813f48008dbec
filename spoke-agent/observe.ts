import { create } from '@bufbuild/protobuf';
import { askNameServer } from '../nameserver/ask.ts';
import { parseName } from '../src/dns/name.ts';
import { TYPE } from '../src/dns/types.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import {
  type ObservationBatch,
  ObservationBatch_ObservationSchema,
  ObservationBatchSchema,
  type Observe,
} from '../src/protocol/generated/portolan_pb.js';
import { parseClient } from '../src/routing/location.ts';

/** The name server is in the process next door: a second is a long time. */
const ANSWER_WITHIN_MS = 1_000;
/** Questions of one order; a drill asks for a handful of countries. */
const MAX_QUESTIONS = 500;

/**
 * Asks this agent's own name server, through a real socket, what the hub wants to know. Every question gets an observation;
 * one without an answer says why.
 * @param server where the name server answers, `host:port`; undefined when this agent has none
 */
export async function observe(order: Observe, server: string | undefined): Promise<ObservationBatch> {
  const observations = await Promise.all(
    order.questions.slice(0, MAX_QUESTIONS).map(async ({ hostname, country, type, subnet }) => {
      const asked = { hostname, country, server: server ?? '' };
      try {
        if (server === undefined) throw new PortolanError('UNSUPPORTED', 'this agent has no name server');
        const reply = await askNameServer({
          ...reachable(server),
          name: parseName(hostname),
          type,
          timeoutMs: ANSWER_WITHIN_MS,
          ...(subnet === '' ? {} : { subnet: parseClient(subnet) }),
        });
        const answers = reply.answers.filter((record) => record.type === type || record.type === TYPE.CNAME);
        return create(ObservationBatch_ObservationSchema, {
          ...asked,
          answers: answers.map((record) => record.data),
          ttlSeconds: answers.length === 0 ? 0 : Math.min(...answers.map((record) => record.ttlSeconds)),
          rcode: reply.rcode,
        });
      } catch (error) {
        return create(ObservationBatch_ObservationSchema, { ...asked, error: messageOf(error) });
      }
    }),
  );
  return create(ObservationBatchSchema, { id: order.id, observations });
}

/** A server that listens on every address is asked over loopback. */
function reachable(server: string): { readonly host: string; readonly port: number } {
  const at = server.lastIndexOf(':');
  const host = server.slice(0, at).replace(/^\[|\]$/g, '');
  const port = Number(server.slice(at + 1));
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return { host: host === '::' ? '::1' : host, port };
}
