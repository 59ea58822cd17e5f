/**
 * Directives of `spec.config` that are changed on a running node by CONFIG SET, so that a new value restarts nothing.
 *
 * The list is of what takes effect at once and alike on our server and upstream's. Everything else is changed by a rolling restart, and so is the appearance or
 * disappearance of a directive: a node that runs cannot tell a default from a value that was set.
 */
import { findDirective } from '../../lib/directives.ts';
import { initialValue, readDirective, showDirective } from '../../lib/directive-value.ts';

const LIVE: ReadonlySet<string> = new Set([
  'maxmemory',
  'maxmemory-policy',
  'maxmemory-samples',
  'maxmemory-clients',
  'timeout',
  'tcp-keepalive',
  'hz',
  'slowlog-log-slower-than',
  'slowlog-max-len',
  'latency-monitor-threshold',
  'notify-keyspace-events',
  'client-output-buffer-limit',
  'client-query-buffer-limit',
  'repl-backlog-size',
  'repl-backlog-ttl',
  'repl-timeout',
  'repl-ping-replica-period',
  'cluster-require-full-coverage',
  'cluster-allow-reads-when-down',
  'cluster-replica-validity-factor',
  'cluster-migration-barrier',
  'lazyfree-lazy-eviction',
  'lazyfree-lazy-expire',
  'lazyfree-lazy-server-del',
  'lazyfree-lazy-user-del',
  'lazyfree-lazy-user-flush',
  'active-expire-effort',
  'loglevel',
  'hash-max-listpack-entries',
  'hash-max-listpack-value',
  'list-max-listpack-size',
  'set-max-intset-entries',
  'set-max-listpack-entries',
  'set-max-listpack-value',
  'zset-max-listpack-entries',
  'zset-max-listpack-value',
  'min-replicas-to-write',
  'min-replicas-max-lag',
  'replica-lazy-flush',
  'busy-reply-threshold',
  'lua-time-limit',
]);

/** By canonical name. */
export function isLiveDirective(name: string): boolean {
  return LIVE.has(findDirective(name)?.name ?? name);
}

/** `value` as CONFIG GET shows it after CONFIG SET; undefined when Valkey would refuse it. */
export function shownValue(name: string, value: string): string | undefined {
  const directive = findDirective(name);
  if (directive === undefined) return undefined;
  const words = directive.flags.includes('multi-arg') ? value.split(' ') : [value];
  const reading = readDirective(directive, words, initialValue(directive));
  return reading.ok ? showDirective(directive, reading.value) : undefined;
}
