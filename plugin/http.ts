import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ask, refuse, tellLimits } from './node-request.ts';
import type { Portolan } from './portolan.ts';

/** For plain node:http: `createServer(protect(portolan, handler))`. */
export function protect(portolan: Portolan, handler: RequestListener): RequestListener {
  return (message: IncomingMessage, reply) => {
    ask(
      portolan,
      message,
      ({ answerFields }) => {
        tellLimits(reply, answerFields);
        handler(message, reply);
      },
      (ruling) => refuse(reply as ServerResponse, ruling),
    );
  };
}
