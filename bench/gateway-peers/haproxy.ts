import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPath } from '../dns-peers/peer.ts';
import type { GatewayPeer } from './peer.ts';

export const haproxy: GatewayPeer = {
  name: 'HAProxy',
  arm: 'plain',
  find: () => onPath('haproxy'),
  install: 'sudo apt-get install -y haproxy',
  async configure(site) {
    const file = join(site.folder, 'haproxy.cfg');
    await writeFile(
      file,
      `global
  nbthread ${site.workers}
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  http-reuse always
frontend front
  bind 127.0.0.1:${site.port}
  default_backend back
backend back
  server one 127.0.0.1:${site.backendPort}
`,
    );
    return { arguments: ['-db', '-f', file] };
  },
};
