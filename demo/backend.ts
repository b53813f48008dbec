import { createServer } from 'node:http';

/** A small real HTTP backend: says where it is, answers the health check, and counts its requests for Prometheus. */
const [host = '127.0.0.1', port = '0', name = 'backend'] = process.argv.slice(2);
let requests = 0;
let errors = 0;

const server = createServer((request, response) => {
  const path = request.url ?? '/';
  if (path === '/healthz') {
    response.end('ok\n');
  } else if (path === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(
      `# TYPE http_requests_total counter\nhttp_requests_total{backend="${name}"} ${requests}\n` +
        `# TYPE http_request_errors_total counter\nhttp_request_errors_total{backend="${name}"} ${errors}\n`,
    );
  } else if (path === '/') {
    requests += 1;
    response.end(`served by ${name}\n`);
  } else {
    requests += 1;
    errors += 1;
    response.statusCode = 404;
    response.end('not found\n');
  }
});
server.on('error', (error) => {
  process.stderr.write(`${name}: ${error.message}\n`);
  process.exit(1);
});
server.listen(Number(port), host, () =>
  process.stdout.write(`${JSON.stringify({ ready: true, pid: process.pid })}\n`),
);
// Whoever started it holds the other end of its standard input: when that is gone, so is this.
process.stdin.resume().on('end', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
