import { createServer } from 'node:http';

/* The backend of `bench/gateway-attack.ts`: `OCTETS PORT`, so many octets for each request. */

const [octets, port] = [Number(process.argv[2]), Number(process.argv[3])];
const answer = Buffer.alloc(octets, 'x');
createServer({ keepAliveTimeout: 0 }, (_req, res) => res.end(answer)).listen(port, '127.0.0.1');
