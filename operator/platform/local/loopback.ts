/**
 * Ports on loopback: which a local cluster uses, whether they are free, and whether a node answers on its own.
 *
 * Node number n listens on first + n, its cluster bus 10,000 above, as upstream does by default. Primaries are expected at index 0
 * of each shard, so the ports of index 0 come first: a 3 × (1+1) cluster has its first primaries on 7001 to 7003. All of it stays
 * below the range from which systems hand out ports to clients (32768 and up on Linux), or a client could sit on a node's port.
 */
import { connect, createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';
export const DEFAULT_FIRST_PORT = 7001;
export const BUS_PORT_OFFSET = 10_000;
const EPHEMERAL_PORTS_START = 32_768;

/** A shard has at most a primary and five replicas. */
const MOST_MEMBERS = 6;

/**
 * The port of a node: of the `shards` that the cluster started with, all nodes of index 0 first, in order of shard, then those of index 1. Shards that came later lie behind all
 * of these, each in a block of its own, so that no port ever changes.
 */
export function nodePort(firstPort: number, shards: number, { shard, index }: { readonly shard: number; readonly index: number }): number {
  return firstPort + (shard < shards ? index * shards + shard : shard * MOST_MEMBERS + index);
}

/** The highest first port that leaves room for `nodes` nodes and their buses. */
export function highestFirstPort(nodes: number): number {
  return EPHEMERAL_PORTS_START - BUS_PORT_OFFSET - nodes;
}

/** Those of `ports` that something listens on already. */
export async function takenPorts(ports: readonly number[]): Promise<readonly number[]> {
  const free = await Promise.all(ports.map(isFree));
  return ports.filter((_, at) => !free[at]);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen({ port, host: LOOPBACK, exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}

/** Whether something accepts connections on `port` within `timeoutMs`. */
export function accepts(port: number, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: LOOPBACK, timeout: timeoutMs });
  const answer = (accepted: boolean) => (): void => {
    socket.destroy();
    resolve(accepted);
  };
  socket.once('connect', answer(true));
  socket.once('timeout', answer(false));
  socket.once('error', answer(false));
  return promise;
}
