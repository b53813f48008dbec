import { z } from 'zod';

/** A path in the file system. */
export const file = z.string().min(1).max(4096);
export const hostName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/, 'a host name or an IP address');
export const milliseconds = z.number().int().min(0).max(86_400_000);
