/**
 * Serves the dashboard over HTTP, to be read only: the page's own files, `/api/state` (JSON) and `/api/slots?cluster=<namespace>/<name>` (the columns).
 *
 * There is no sign-in: who reaches the port sees names, load and decisions, and no secret. So it listens where it is told to, answers GET only,
 * lets the page load nothing from elsewhere, and on loopback refuses a foreign host name, so that no web page can read it by rebinding its own name.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { stableHash } from '../../lib/stable-hash.ts';
import type { Dashboard } from './dashboard.ts';

const PAGE = join(import.meta.dirname, 'page');
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  // Asked again each time: the tag tells whether anything is new.
  'cache-control': 'no-cache',
};
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;
/** Smaller answers are not worth the work. */
const COMPRESS_BYTES = 4096;

export interface DashboardAddress {
  readonly port: number;
  /** undefined: every interface. */
  readonly host: string | undefined;
}

export interface DashboardServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Rejects when the port is taken. */
export function startDashboardServer(dashboard: Dashboard, { port, host }: DashboardAddress): Promise<DashboardServer> {
  const files = pageFiles();
  // Versions of another process are other things.
  const process = Date.now().toString(36);
  const loopback = host === '127.0.0.1';
  const server = createServer((request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'only GET\n');
    if (loopback && !LOOPBACK_HOST.test(request.headers.host ?? '')) return refuse(response, 421, 'ask for localhost\n');
    answer(dashboard, `"${process}-${dashboard.version}"`, files, request, response);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => resolve({ port: (server.address() as AddressInfo).port, close: () => closeServer(server) }));
  });
}

function answer(
  dashboard: Dashboard,
  tag: string,
  files: ReadonlyMap<string, PageFile>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const url = new URL(request.url ?? '/', 'http://dashboard');
  const file = files.get(url.pathname);
  if (file !== undefined) return send(request, response, file.type, file.tag, () => file.bytes);
  switch (url.pathname) {
    case '/api/state':
      return send(request, response, 'application/json', tag, () => Buffer.from(JSON.stringify(dashboard.state())));
    case '/api/slots': {
      const columns = dashboard.columns(url.searchParams.get('cluster') ?? '');
      if (columns === undefined) return refuse(response, 404, 'there is no such cluster here\n');
      return send(request, response, 'application/octet-stream', tag, () => columns);
    }
    default:
      return refuse(response, 404, 'there is nothing here\n');
  }
}

function send(request: IncomingMessage, response: ServerResponse, type: string, tag: string, make: () => Uint8Array): void {
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, { ...HEADERS, etag: tag }).end();
    return;
  }
  const bytes = make();
  const compress = bytes.length >= COMPRESS_BYTES && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const body = compress ? gzipSync(bytes, { level: 1 }) : bytes;
  response.writeHead(200, {
    ...HEADERS,
    etag: tag,
    'content-type': type,
    'content-length': body.length,
    vary: 'accept-encoding',
    ...(compress ? { 'content-encoding': 'gzip' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly tag: string;
}

/** Read once: the package does not change while it runs. */
function pageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of readdirSync(PAGE)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const bytes = readFileSync(join(PAGE, name));
    files.set(name === 'index.html' ? '/' : `/${name}`, { type, bytes, tag: `"${stableHash(bytes.toString('latin1'))}"` });
  }
  return files;
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
