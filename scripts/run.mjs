// `node scripts/run.mjs FILE …`: runs a script of the project on a Node.js that is new enough, whatever started this.
import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { findNode, follow, root } from '../cli/node.mjs';

const node = findNode();
// Programs that the script starts by name get the same Node.js, and the tools of the dependencies.
const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
follow(spawn(node, process.argv.slice(2), { stdio: 'inherit', env: { ...process.env, PATH: path } }));
