/** The first thing that a person at a terminal sees, and the text of `--help`. Test harnesses look for `PID: <n>` in the banner. */

import { SLOTKEEPER_VERSION, VALKEY_VERSION } from '../lib/version.ts';

export interface BannerFacts {
  readonly mode: string;
  readonly port: number;
  readonly processId: number;
}

export function banner({ mode, port, processId }: BannerFacts): string {
  return `
        .-------.
     .-'  _____  '-.        Slotkeeper ${SLOTKEEPER_VERSION}, speaks Valkey ${VALKEY_VERSION}, 64 bit
    /   .'     '.   \\
   |   |  .-.    |   |      Running in ${mode} mode
   |   | (   )===|   |      Port: ${port}
   |   |  '-'    |   |      PID: ${processId}
    \\   '._____.'   /
     '-.         .-'
        '-------'

`;
}

export const USAGE = `Usage: valkey-server [/path/to/valkey.conf] [options] [-]
       valkey-server - (read config from stdin)
       valkey-server -v or --version
       valkey-server -h or --help

Examples:
       valkey-server (run the server with default conf)
       echo 'maxmemory 128mb' | valkey-server -
       valkey-server /etc/valkey/6379.conf
       valkey-server --port 7777
       valkey-server --port 7777 --replicaof 127.0.0.1 8888
       valkey-server /etc/myvalkey.conf --loglevel verbose -
       valkey-server /etc/myvalkey.conf --loglevel verbose
`;
