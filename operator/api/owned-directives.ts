/**
 * Server directives that a user may not set in `spec.config`, with who sets them and which field to use instead.
 * The CRD refuses them at apply time by a CEL rule made from this table.
 */

export interface OwnedDirective {
  readonly name: string;
  /** `operator`: the core puts it on every node; `platform`: depends on where the node runs; `none`: would break the cluster or has no use in it. */
  readonly setBy: 'operator' | 'platform' | 'none';
  /** The field of the spec that serves the purpose, if there is one. */
  readonly field?: string;
}

const operator = (name: string, field?: string): OwnedDirective =>
  field === undefined ? { name, setBy: 'operator' } : { name, setBy: 'operator', field };
const platform = (name: string, field?: string): OwnedDirective =>
  field === undefined ? { name, setBy: 'platform' } : { name, setBy: 'platform', field };
const none = (name: string): OwnedDirective => ({ name, setBy: 'none' });

export const OWNED_DIRECTIVES: readonly OwnedDirective[] = [
  operator('cluster-enabled'),
  operator('cluster-node-timeout', 'spec.nodeTimeoutMilliseconds'),
  operator('cluster-announce-human-nodename'),
  operator('cluster-allow-replica-migration'),
  operator('cluster-config-file'),
  operator('shutdown-on-sigterm'),
  operator('repl-diskless-sync'),
  operator('repl-diskless-sync-delay'),
  operator('repl-diskless-sync-max-replicas'),
  platform('port'),
  platform('cluster-port'),
  platform('bind'),
  platform('dir'),
  platform('cluster-announce-ip'),
  platform('cluster-announce-port'),
  platform('cluster-announce-bus-port'),
  platform('requirepass', 'spec.auth.passwordSecret'),
  platform('primaryauth', 'spec.auth.passwordSecret'),
  platform('masterauth', 'spec.auth.passwordSecret'),
  platform('protected-mode'),
  platform('daemonize'),
  platform('pidfile'),
  platform('logfile'),
  none('primaryuser'),
  none('masteruser'),
  none('replicaof'),
  none('slaveof'),
  none('include'),
  none('loadmodule'),
  none('unixsocket'),
  none('supervised'),
  none('rename-command'),
  none('user'),
  none('aclfile'),
  none('tls-port'),
  none('tls-cluster'),
  none('tls-replication'),
  none('cluster-announce-tls-port'),
  none('cluster-announce-client-ipv4'),
  none('cluster-announce-client-ipv6'),
  none('cluster-announce-client-port'),
  none('cluster-announce-client-tls-port'),
];

/** Directives that say how data are kept on a volume: of use only with `spec.persistence`. */
export const PERSISTENCE_DIRECTIVES: readonly string[] = ['save', 'appendonly'];

export function ownedDirective(name: string): OwnedDirective | undefined {
  return OWNED_DIRECTIVES.find(owned => owned.name === name.toLowerCase());
}
