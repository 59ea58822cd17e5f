/**
 * What Kubernetes asks the operator over HTTP: /healthz (the process turns its loop), /readyz (it has spoken with the API server; the one that waits for the lease is ready too, since
 * it would take over), /metrics (Prometheus text).
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface HealthSource {
  readonly isReady: () => boolean;
  /** Prometheus text and its content type. */
  readonly metrics: () => Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Rejects when the port is taken. */
export function startHealthServer(port: number, source: HealthSource): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string, contentType = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': contentType }).end(text);
    };
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'only GET\n');
    else if (path === '/healthz') answer(200, 'ok\n');
    else if (path === '/readyz') answer(source.isReady() ? 200 : 503, source.isReady() ? 'ok\n' : 'the API server has not answered yet\n');
    else if (path === '/metrics')
      source.metrics().then(
        ({ text, contentType }) => answer(200, text, contentType),
        (error: unknown) => answer(500, `${String(error)}\n`),
      );
    else answer(404, 'there are /healthz, /readyz and /metrics\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => {
      const { port: actual } = server.address() as AddressInfo;
      resolve({
        port: actual,
        close: () =>
          new Promise(done => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
