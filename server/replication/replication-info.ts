/** The lines of INFO replication. Source: server.c (genValkeyInfoString); the names keep master and slave. */

import type { Clock, ConfigPort } from '../core/ports.ts';
import type { Replication } from './replication.ts';

/** The section's lines, each ended by CRLF. */
export function replicationInfo(replication: Replication, config: ConfigPort, clock: Clock): string {
  const lines = [
    `role:${replication.role === 'primary' ? 'master' : 'slave'}`,
    ...(replication.role === 'replica' ? replicaLines(replication, config, clock) : []),
    ...feedLines(replication, config),
    ...streamLines(replication, config),
  ];
  return lines.map(line => `${line}\r\n`).join('');
}

function replicaLines(replication: Replication, config: ConfigPort, clock: Clock): readonly string[] {
  const { link, offset } = replication;
  const now = clock.monotonic();
  const lastIo = Math.floor((now - link.lastIoAt) / 1000);
  const lines = [
    `master_host:${replication.primaryHost}`,
    `master_port:${replication.primaryPort}`,
    `master_link_status:${link.up ? 'up' : 'down'}`,
    `master_last_io_seconds_ago:${link.up ? lastIo : -1}`,
    `master_sync_in_progress:${link.state === 'sync' ? 1 : 0}`,
    `slave_read_repl_offset:${offset}`,
    `slave_repl_offset:${offset}`,
    `replicas_repl_buffer_size:${link.pendingStream.sizeBytes}`,
    `replicas_repl_buffer_peak:${link.pendingStream.peakBytes}`,
  ];
  const { transfer } = link;
  if (transfer !== undefined) {
    const total = transfer.totalBytes ?? 0;
    lines.push(
      `master_sync_total_bytes:${total}`,
      `master_sync_read_bytes:${transfer.readBytes}`,
      `master_sync_left_bytes:${total - transfer.readBytes}`,
      `master_sync_perc:${(total === 0 ? 0 : (transfer.readBytes / total) * 100).toFixed(2)}`,
      `master_sync_last_io_seconds_ago:${lastIo}`,
    );
  }
  if (!link.up) {
    lines.push(`master_link_down_since_seconds:${link.downSince === undefined ? -1 : Math.floor((now - link.downSince) / 1000)}`);
  }
  lines.push(
    `slave_priority:${config.integer('replica-priority')}`,
    `slave_read_only:${config.flag('replica-read-only') ? 1 : 0}`,
    `replica_announced:${config.flag('replica-announced') ? 1 : 0}`,
  );
  return lines;
}

function feedLines(replication: Replication, config: ConfigPort): readonly string[] {
  const replicas = replication.replicas();
  const lines = [`connected_slaves:${replicas.length}`];
  if (config.integer('min-replicas-to-write') > 0 && config.integer('min-replicas-max-lag') > 0) {
    lines.push(`min_slaves_good_slaves:${replication.goodReplicas()}`);
  }
  replicas.forEach((replica, index) => {
    lines.push(
      `slave${index}:ip=${replica.host},port=${replica.port},state=${replica.state},offset=${replica.ackedOffset},lag=${replica.lagSeconds},type=${replica.channel}`,
    );
  });
  return lines;
}

function streamLines(replication: Replication, config: ConfigPort): readonly string[] {
  const { history, backlog } = replication.stream;
  return [
    `replicas_waiting_psync:${replication.primaryFeed.channels.waitingCount}`,
    'master_failover_state:no-failover',
    `master_replid:${history.id}`,
    `master_replid2:${history.id2}`,
    `master_repl_offset:${history.offset}`,
    `second_repl_offset:${history.offset2}`,
    `repl_backlog_active:${backlog === undefined ? 0 : 1}`,
    `repl_backlog_size:${config.integer('repl-backlog-size')}`,
    `repl_backlog_first_byte_offset:${backlog === undefined ? 0 : backlog.start + 1}`,
    `repl_backlog_histlen:${backlog === undefined ? 0 : backlog.end - backlog.start}`,
  ];
}
