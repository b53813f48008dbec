import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPath } from '../dns-peers/peer.ts';
import type { GatewayPeer } from './peer.ts';

export const caddy: GatewayPeer = {
  name: 'Caddy',
  arm: 'plain',
  find: () => onPath('caddy'),
  install: 'sudo apt-get install -y caddy',
  async configure(site) {
    const file = join(site.folder, 'Caddyfile');
    await writeFile(
      file,
      `{
  admin off
  auto_https off
}
http://127.0.0.1:${site.port} {
  reverse_proxy 127.0.0.1:${site.backendPort}
}
`,
    );
    return {
      arguments: ['run', '--adapter', 'caddyfile', '--config', file],
      env: { GOMAXPROCS: String(site.workers), HOME: site.folder, XDG_DATA_HOME: site.folder },
    };
  },
};
