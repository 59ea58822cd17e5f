/**
 * The directives that the cluster reads, taken from the directive table and kept until one of them changes.
 */

import type { ConfigPort } from '../core/ports.ts';
import type { AnnouncedAddress, ClusterSettings } from './environment.ts';
import type { RedirectSettings } from './redirection.ts';

const BUS_PORT_DISTANCE = 10_000;

/** Directives whose change alters what this node tells of itself. */
export const ANNOUNCING_DIRECTIVES: readonly string[] = [
  'cluster-announce-ip',
  'cluster-announce-port',
  'cluster-announce-tls-port',
  'cluster-announce-bus-port',
  'cluster-announce-client-ipv4',
  'cluster-announce-client-ipv6',
  'cluster-announce-client-port',
  'cluster-announce-client-tls-port',
  'cluster-announce-hostname',
  'cluster-announce-human-nodename',
  'availability-zone',
  'cluster-replica-no-failover',
  'port',
  'tls-port',
];

export interface AllSettings extends ClusterSettings, RedirectSettings {}

/** A function that gives the current values; it looks at the table only when the table changed. */
export function clusterSettings(config: ConfigPort): () => AllSettings {
  let version = -1;
  let current: AllSettings | undefined;
  return () => {
    if (current === undefined || version !== config.version) {
      version = config.version;
      current = read(config);
    }
    return current;
  };
}

/** The port that the bus listens on. */
export function busPort(config: ConfigPort): number {
  const base = config.flag('tls-cluster') ? config.integer('tls-port') : config.integer('port');
  return config.integer('cluster-port') || base + BUS_PORT_DISTANCE;
}

function read(config: ConfigPort): AllSettings {
  const endpoint = config.text('cluster-preferred-endpoint-type');
  return {
    nodeTimeout: config.integer('cluster-node-timeout'),
    pingInterval: config.integer('cluster-ping-interval'),
    gossipPercent: config.integer('cluster-message-gossip-perc'),
    blacklistTtlSeconds: config.integer('cluster-blacklist-ttl'),
    replicaValidityFactor: config.integer('cluster-replica-validity-factor'),
    replicaPingPeriodSeconds: config.integer('repl-ping-replica-period'),
    replicaNoFailover: config.flag('cluster-replica-no-failover'),
    allowReplicaMigration: config.flag('cluster-allow-replica-migration'),
    migrationBarrier: config.integer('cluster-migration-barrier'),
    requireFullCoverage: config.flag('cluster-require-full-coverage'),
    manualFailoverTimeout: config.integer('cluster-manual-failover-timeout'),
    linkBufferLimit: config.integer('cluster-link-sendbuf-limit'),
    saveBehavior: config.text('cluster-config-save-behavior') === 'best-effort' ? 'best-effort' : 'sync',
    tlsCluster: config.flag('tls-cluster'),
    announce: announced(config),
    allowReadsWhenDown: config.flag('cluster-allow-reads-when-down'),
    allowPubsubWhenDown: config.flag('cluster-allow-pubsubshard-when-down'),
    endpoint: endpoint === 'hostname' || endpoint === 'unknown-endpoint' ? endpoint : 'ip',
  };
}

function announced(config: ConfigPort): AnnouncedAddress {
  return {
    ip: config.text('cluster-announce-ip'),
    tcpPort: config.integer('cluster-announce-port') || config.integer('port'),
    tlsPort: config.integer('cluster-announce-tls-port') || config.integer('tls-port'),
    busPort: config.integer('cluster-announce-bus-port') || busPort(config),
    clientIpv4: config.text('cluster-announce-client-ipv4'),
    clientIpv6: config.text('cluster-announce-client-ipv6'),
    clientTcpPort: config.integer('cluster-announce-client-port'),
    clientTlsPort: config.integer('cluster-announce-client-tls-port'),
    hostname: config.text('cluster-announce-hostname'),
    humanName: config.text('cluster-announce-human-nodename'),
    availabilityZone: config.text('availability-zone'),
  };
}
