/**
 * The connection to the Kubernetes API server: JSON over HTTPS, and watches as a stream of lines.
 *
 * The client library gives what is hard and long there: kubeconfig files, contexts, exec plugins, service account tokens that
 * rotate. Requests are our own, since its generated API has no paginated lists, no bookmarks, no Retry-After and no idle timeout, and turns every time into a Date.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { ApiError, apiErrorOf, isRetriable } from './api-error.ts';

const requestTimeoutMs = 30_000;
/** A request that the server turned away (429) or failed on (5xx) is tried so often in all. Safe: every write here may be repeated. */
const attempts = 4;
const firstRetryMs = 200;
const longestRetryAfterMs = 10_000;

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Lets the caller do its own waiting and trying again. */
  readonly once?: boolean;
}

export interface KubernetesClient {
  /** The parsed answer. Throws ApiError. The caller names the type that the API documents for the path. */
  request<T>(request: ApiRequest): Promise<T>;
  /**
   * A watch: calls `onEvent` for each event until the server ends the stream (resolves), or it breaks or nothing came for `idleTimeoutMs` (rejects with ApiError).
   * `onEvent` must not throw.
   */
  watch(path: string, query: Readonly<Record<string, string>>, options: WatchOptions): Promise<void>;
  /** Name of the context or "in-cluster", for messages. */
  readonly description: string;
  /** Namespace of the context or of the pod we run in. */
  readonly namespace: string;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

export interface WatchOptions {
  readonly onEvent: (event: WatchEvent) => void;
  readonly signal: AbortSignal;
  readonly idleTimeoutMs: number;
}

/** From a kubeconfig (`$KUBECONFIG`, ~/.kube/config) and a context in it, or from the service account of the pod we run in. */
export function connectKubernetes(options: { readonly kubeconfig?: string; readonly context?: string } = {}): KubernetesClient {
  const config = new KubeConfig();
  if (options.kubeconfig !== undefined) config.loadFromFile(options.kubeconfig);
  else config.loadFromDefault();
  if (options.context !== undefined) {
    if (config.getContextObject(options.context) === null) {
      const known = config.getContexts().map(context => `"${context.name}"`);
      throw new Error(`There is no context "${options.context}" in the kubeconfig; it has ${known.join(', ') || 'none'}`);
    }
    config.setCurrentContext(options.context);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('No Kubernetes cluster is configured: set KUBECONFIG, or pass --kubeconfig or --context');
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
  const transport = new Transport(config, new URL(cluster.server), cluster.proxyUrl !== undefined);
  return { ...clientOver(transport), description: config.getCurrentContext(), namespace };
}

function clientOver(transport: Transport): Pick<KubernetesClient, 'request' | 'watch'> {
  return {
    request: async <T>(request: ApiRequest): Promise<T> => {
      for (let attempt = 1; ; attempt++)
        try {
          const body = await readBody(await transport.send(request), request);
          return JSON.parse(body) as T;
        } catch (error) {
          const mayTry = request.once !== true && attempt < attempts && request.signal?.aborted !== true;
          if (!mayTry || !(error instanceof ApiError) || !isRetriable(error)) throw error;
          const backoffMs = firstRetryMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
          const waitMs = Math.min(error.retryAfterMs ?? backoffMs, longestRetryAfterMs);
          await sleep(waitMs, undefined, request.signal === undefined ? {} : { signal: request.signal });
        }
    },
    watch: (path, query, options) =>
      watch(transport, { method: 'GET', path, query: { ...query, watch: 'true' }, signal: options.signal }, options),
  };
}

const describeRequest = (request: ApiRequest): string => `${request.method} ${request.path}`;

/** Sends requests to one API server over connections that stay open. */
class Transport {
  readonly #config: KubeConfig;
  readonly #server: URL;
  readonly #proxied: boolean;
  #agent: { readonly agent: Agent; readonly identity: string } | undefined;

  constructor(config: KubeConfig, server: URL, proxied: boolean) {
    this.#config = config;
    this.#server = server;
    this.#proxied = proxied;
  }

  /** Resolves when the head of the answer is there. Throws ApiError with the body of an answer that is no success. */
  async send(request: ApiRequest): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const options = await this.#options(request, body?.length);
    const secure = this.#server.protocol === 'https:';
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const fail = (cause: Error): void =>
        reject(new ApiError(0, 'Unreachable', `${describeRequest(request)}: ${cause.message}`, { cause }));
      const outgoing = secure ? httpsRequest(options, resolve) : httpRequest({ ...options, agent: undefined }, resolve);
      outgoing.setTimeout(request.timeoutMs ?? requestTimeoutMs, () => outgoing.destroy(new Error('no answer in time')));
      outgoing.on('error', fail);
      outgoing.end(body);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw apiErrorOf(describeRequest(request), status, await readBody(response, request), response.headers['retry-after']);
  }

  async #options(request: ApiRequest, bodyBytes: number | undefined): Promise<RequestOptions> {
    const headers: Record<string, string> = {};
    const options: RequestOptions = { headers };
    // Puts the bearer token, if there is one, into our headers, and the certificates into the options.
    await this.#config.applyToHTTPSOptions(options);
    const query = new URLSearchParams(request.query).toString();
    const base = this.#server.pathname.replace(/\/$/, '');
    return {
      ...options,
      agent: this.#proxied ? options.agent : this.#keepAliveAgent(options),
      method: request.method,
      hostname: this.#server.hostname.replace(/^\[|\]$/g, ''),
      port: this.#server.port,
      path: `${base}${request.path}${query && `?${query}`}`,
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': 'slotkeeper',
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        // Node sends the body of a DELETE without a length when none is given: the server would take it for the next request on the connection.
        ...(bodyBytes === undefined ? {} : { 'content-length': String(bodyBytes) }),
      },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    };
  }

  /** The library's agent closes a connection after each request. Ours lives until the client certificate changes. */
  #keepAliveAgent(options: RequestOptions): Agent {
    const { ca, cert, key, passphrase, rejectUnauthorized, servername } = options;
    const identity = [ca, cert, key].map(String).join('\n');
    if (this.#agent?.identity !== identity) {
      const tls = { ca, cert, key, passphrase, rejectUnauthorized, servername };
      const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
      this.#agent = { agent: new Agent({ keepAlive: true, ...given }), identity };
    }
    return this.#agent.agent;
  }
}

async function readBody(response: IncomingMessage, request: ApiRequest): Promise<string> {
  response.setEncoding('utf8');
  let body = '';
  try {
    for await (const text of response) body += String(text);
  } catch (cause) {
    throw new ApiError(0, 'Unreachable', `${describeRequest(request)}: the answer broke off`, { cause });
  }
  return body;
}

async function watch(transport: Transport, request: ApiRequest, options: WatchOptions): Promise<void> {
  const response = await transport.send({ ...request, timeoutMs: options.idleTimeoutMs });
  response.setEncoding('utf8');
  let silent = false;
  response.socket?.setTimeout(0);
  const alarm = setTimeout(() => {
    silent = true;
    response.destroy();
  }, options.idleTimeoutMs);
  let rest = '';
  try {
    for await (const text of response) {
      alarm.refresh();
      const lines = (rest + String(text)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') options.onEvent(JSON.parse(line) as WatchEvent);
    }
  } catch (cause) {
    if (options.signal.aborted) return;
    const why = silent ? `nothing came for ${options.idleTimeoutMs} ms` : 'it broke off';
    throw new ApiError(0, silent ? 'Silent' : 'Unreachable', `Watch of ${request.path}: ${why}`, { cause });
  } finally {
    clearTimeout(alarm);
    response.destroy();
  }
}
