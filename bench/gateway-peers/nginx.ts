import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onPath } from '../dns-peers/peer.ts';
import type { GatewayPeer, GatewaySite } from './peer.ts';

const MODULES = '/usr/lib/nginx/modules';

/** nginx as a proxy with a pool of kept connections, its access log off as for the others that have none by default. */
export const nginx: GatewayPeer = {
  name: 'nginx',
  arm: 'plain',
  find: () => onPath('nginx'),
  install: 'sudo apt-get install -y nginx',
  configure: (site) => configure(site, '', ''),
};

/** The same with API keys in a Lua table, looked up by their SHA-1 (nginx's Lua has no SHA-256 by itself). */
export const nginxLua: GatewayPeer = {
  name: 'nginx with a Lua key table',
  arm: 'key',
  find: () => (existsSync(`${MODULES}/ngx_http_lua_module.so`) ? onPath('nginx') : undefined),
  install: 'sudo apt-get install -y nginx libnginx-mod-http-lua',
  async configure(site) {
    const table = site.keys.map((key) => `  [ngx.sha1_bin("${key}")] = true,`).join('\n');
    await writeFile(join(site.folder, 'keys.lua'), `return {\n${table}\n}\n`);
    const init = `lua_package_path "${site.folder}/?.lua;/usr/share/lua/5.1/?.lua;;";
  init_by_lua_block { keys = require("keys") }`;
    const access = `access_by_lua_block {
      local key = ngx.req.get_headers()["x-api-key"]
      if not key or not keys[ngx.sha1_bin(key)] then return ngx.exit(401) end
    }`;
    const modules = ['ndk_http_module', 'ngx_http_lua_module'].map(
      (m) => `load_module ${MODULES}/${m}.so;\n`,
    );
    return configure(site, modules.join(''), init, access);
  },
};

async function configure(site: GatewaySite, modules: string, http: string, location = '') {
  const file = join(site.folder, 'nginx.conf');
  await writeFile(
    file,
    `${modules}daemon off;
worker_processes ${site.workers};
pid ${site.folder}/nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${site.folder}/body;
  proxy_temp_path ${site.folder}/proxy;
  fastcgi_temp_path ${site.folder}/fastcgi;
  uwsgi_temp_path ${site.folder}/uwsgi;
  scgi_temp_path ${site.folder}/scgi;
  ${http}
  upstream backend { server 127.0.0.1:${site.backendPort}; keepalive 128; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${site.port} reuseport;
    location / {
      ${location}
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`,
  );
  return { arguments: ['-c', file, '-p', site.folder] };
}

/** The backend behind all of them: `octets` of text for each request. */
export async function backendConfiguration(folder: string, port: number, octets: number): Promise<string> {
  const file = join(folder, 'backend.conf');
  await writeFile(
    file,
    `daemon off;
worker_processes 1;
pid ${folder}/backend.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/b1;
  proxy_temp_path ${folder}/b2;
  fastcgi_temp_path ${folder}/b3;
  uwsgi_temp_path ${folder}/b4;
  scgi_temp_path ${folder}/b5;
  server {
    listen 127.0.0.1:${port};
    location / { default_type text/plain; return 200 "${'x'.repeat(octets)}"; }
  }
}
`,
  );
  return file;
}
