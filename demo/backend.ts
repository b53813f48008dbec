import { createServer, type ServerResponse } from 'node:http';

/** A small real HTTP backend: says where it is, answers the health check, counts its requests for Prometheus, and has a slow download. */
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
  } else if (path.startsWith('/download')) {
    requests += 1;
    download(response, Number(/[?&]seconds=(\d{1,3})$/.exec(path)?.[1] ?? 30));
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
/** 64 KB every quarter of a second, for so long. */
function download(response: ServerResponse, seconds: number): void {
  const part = Buffer.alloc(64 * 1024, `served by ${name}\n`);
  let left = seconds * 4;
  response.setHeader('content-length', left * part.length);
  const timer = setInterval(() => {
    if (left > 0) response.write(part);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    response.end();
  }, 250);
  response.on('close', () => clearInterval(timer));
}

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
