import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** Where something listens. */
export interface ListenAddress {
  /** IPv4, IPv6 (without brackets) or a host name. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** `127.0.0.1:8053`, `[::1]:8053`, `localhost:8053`. */
export const listenAddress = z
  .string()
  .max(262)
  .transform((text, context): ListenAddress => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
    const number = Number(match?.[3]);
    if (match === null || number > 65_535) {
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(text)} is not host:port`,
        params: { fix: 'Write host:port, such as 127.0.0.1:8053 or [::1]:8053.' },
      });
      return z.NEVER;
    }
    return { host: match[1] ?? match[2] ?? '', port: number };
  });

/** `localhost` and every address of 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}

/** The address that stands for every one of the machine. */
export function isEveryInterface(host: string): boolean {
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'unspecified';
}
