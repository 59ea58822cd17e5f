/**
 * A Kubernetes API server that behaves badly on command: it keeps objects of one collection, answers lists (in pages) and watches, and a test can make it
 * refuse (429, 500, 410), drop connections, or keep a watch open and silent. Every request is recorded.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string; readonly resourceVersion: string };
  readonly value?: string;
}

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly at: number;
}

/** Gives true when it has answered (or broken) the request itself. */
export type Fault = (request: RecordedRequest, response: ServerResponse) => boolean;

export class FakeApiServer {
  readonly requests: RecordedRequest[] = [];
  readonly objects = new Map<string, FakeObject>();
  pageSize = 500;
  /** Asked first for each request; taken off the queue once it has answered one. */
  readonly faults: Fault[] = [];
  #version = 100;
  readonly #watchers = new Set<ServerResponse>();
  readonly #server: Server;
  readonly #folder = mkdtempSync(join(tmpdir(), 'fake-api-server-'));

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    await new Promise<void>(resolve => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  /** A kubeconfig file whose current context is this server. */
  get kubeconfig(): string {
    const { port } = this.#server.address() as AddressInfo;
    const file = join(this.#folder, 'kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'fake', user: { token: 'fake-token' } }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
      'current-context': 'fake',
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  put(name: string, value: string, tellWatchers = true): FakeObject {
    const before = this.objects.get(name);
    const uid = before?.metadata.uid ?? `uid-${name}-${this.#version}`;
    const object = { metadata: { name, namespace: 'default', uid, resourceVersion: String(++this.#version) }, value };
    this.objects.set(name, object);
    if (tellWatchers) this.send(before === undefined ? 'ADDED' : 'MODIFIED', object);
    return object;
  }

  remove(name: string, tellWatchers = true): void {
    const object = this.objects.get(name);
    if (object === undefined) return;
    this.objects.delete(name);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    if (tellWatchers) this.send('DELETED', last);
  }

  send(type: string, object: unknown): void {
    for (const watcher of this.#watchers) watcher.write(`${JSON.stringify({ type, object })}\n`);
  }

  bookmark(): void {
    this.send('BOOKMARK', { metadata: { resourceVersion: String(++this.#version) } });
  }

  get watching(): number {
    return this.#watchers.size;
  }

  /** Ends all watches as a server does that goes down: in the middle of a line. */
  dropWatches(): void {
    for (const watcher of this.#watchers) {
      watcher.write('{"type":"MODI');
      watcher.destroy();
    }
    this.#watchers.clear();
  }

  count(method: string, isWatch: boolean): number {
    return this.requests.filter(request => request.method === method && (request.query.get('watch') === 'true') === isWatch).length;
  }

  async stop(): Promise<void> {
    for (const watcher of this.#watchers) watcher.destroy();
    this.#server.closeAllConnections();
    await new Promise<void>(resolve => this.#server.close(() => resolve()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://fake');
    let body = '';
    for await (const text of incoming.setEncoding('utf8')) body += String(text);
    const request = { method: incoming.method ?? '', path: url.pathname, query: url.searchParams, body, at: performance.now() };
    this.requests.push(request);
    for (const fault of this.faults)
      if (fault(request, response)) {
        this.faults.splice(this.faults.indexOf(fault), 1);
        return;
      }
    if (request.query.get('watch') === 'true') this.#watch(response);
    else this.#list(request, response);
  }

  #watch(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
  }

  #list(request: RecordedRequest, response: ServerResponse): void {
    const all = [...this.objects.values()];
    const from = Number(request.query.get('continue') ?? 0);
    const until = from + this.pageSize;
    const next = until < all.length ? { continue: String(until) } : {};
    const metadata = { resourceVersion: String(this.#version), ...next };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ metadata, items: all.slice(from, until) }));
  }
}

/** Refuses one request that `matches` as Kubernetes does. */
export const refuse =
  (matches: (request: RecordedRequest) => boolean, code: number, reason: string, headers: Readonly<Record<string, string>> = {}): Fault =>
  (request, response) => {
    if (!matches(request)) return false;
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ kind: 'Status', code, reason, message: `${reason} for the test` }));
    return true;
  };

export const isList = (request: RecordedRequest): boolean => request.method === 'GET' && request.query.get('watch') !== 'true';
export const isWatch = (request: RecordedRequest): boolean => request.query.get('watch') === 'true';
