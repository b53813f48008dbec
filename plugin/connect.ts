import type { IncomingMessage, ServerResponse } from 'node:http';
import { ask, refuse, tellLimits } from './node-request.ts';
import type { Portolan } from './portolan.ts';

export type ConnectMiddleware = (message: IncomingMessage, reply: ServerResponse, next: () => void) => void;

/** For express, connect and whatever takes their middleware: `app.use(middleware(portolan))`, before everything it protects. */
export function middleware(portolan: Portolan): ConnectMiddleware {
  return (message, reply, next) => {
    ask(
      portolan,
      message,
      ({ answerFields }) => {
        tellLimits(reply, answerFields);
        next();
      },
      (ruling) => refuse(reply, ruling),
    );
  };
}
