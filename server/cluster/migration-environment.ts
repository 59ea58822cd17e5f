/** Fills what slot migration needs of the server (`slot-migration/environment.ts`) from the server's ports. */

import type { SlotRange } from '../../lib/slot-ranges.ts';
import type { ConfigPort, ServerPorts } from '../core/ports.ts';
import type { ReplicationPort } from '../core/replication.ts';
import { keysInSlot } from '../keyspace/database.ts';
import type { BusNetwork } from './environment.ts';
import type { SlotDropper } from './slot-dropper.ts';
import type { MigratedSlots, MigrationEnvironment, MigrationSettings, OutputLimit } from './slot-migration/environment.ts';
import { slotsIn } from './slot-migration/migration-job.ts';

/** Of all the purposes of a pause the one that is a migration's. */
const PAUSE = 'slot-migration';

export function migrationEnvironment(ports: ServerPorts, dropper: SlotDropper, network: BusNetwork): MigrationEnvironment {
  return {
    clock: ports.clock,
    entropy: ports.entropy,
    timers: ports.timers,
    log: ports.log,
    network,
    slots: migratedSlots(ports, dropper),
    settings: migrationSettings(ports.config),
    snapshot: (sink, slots) => ports.snapshots.streamSlots(sink, slots),
    propagate: args => ports.propagation.propagate(-1, args),
    awaitReplica: (limitMs, done) => awaitReplica(ports.replication, limitMs, done),
    pauseWrites: untilMs => ports.clients.pause(PAUSE, untilMs, true),
    unpauseWrites: () => ports.clients.unpause(PAUSE),
    get writesPaused() {
      return ports.clients.isPausedFor(PAUSE);
    },
    openSession: transport => ports.clients.openPeer(transport, 'slot-export'),
    closeSession: session => ports.clients.closePeer(session),
  };
}

function awaitReplica(replication: ReplicationPort, timeoutMs: number, done: (replicated: boolean) => void): boolean {
  const { offset } = replication;
  if (replication.onlineReplicas === 0 || replication.acknowledged(offset) > 0) return false;
  replication.whenAcknowledged({
    offset,
    replicas: 1,
    inAof: false,
    timeoutMs,
    done: acknowledged => {
      if (acknowledged !== undefined) done(acknowledged > 0);
    },
  });
  replication.requestAcks();
  return true;
}

function migratedSlots({ databases }: ServerPorts, dropper: SlotDropper): MigratedSlots {
  const visible = (ranges: readonly SlotRange[], on: boolean): void => {
    for (const slot of slotsIn(ranges)) databases.hideSlot(slot, !on);
  };
  return {
    clear(ranges) {
      const left = [...slotsIn(ranges)].filter(slot => dropper.isDropping(slot) || keysInSlot(databases, slot) > 0);
      if (left.length > 0) dropper.drop(left);
      for (const slot of left) dropper.finish(slot);
    },
    hide: ranges => visible(ranges, false),
    show: ranges => visible(ranges, true),
    drop: (slots, done) => dropper.drop(slots, done),
  };
}

/** The values of now, read anew only when the configuration has changed: one of them is asked for with each write. */
function migrationSettings(config: ConfigPort): () => MigrationSettings {
  let version = -1;
  let current: MigrationSettings | undefined;
  return () => {
    if (current === undefined || version !== config.version) {
      version = config.version;
      current = {
        timeoutSeconds: config.integer('repl-timeout'),
        manualFailoverTimeoutMs: config.integer('cluster-manual-failover-timeout'),
        maxFailoverBytes: config.integer('slot-migration-max-failover-repl-bytes'),
        logLength: config.integer('cluster-slot-migration-log-max-len'),
        user: config.text('primaryuser'),
        password: config.text('primaryauth'),
        outputLimit: replicaLimit(config),
      };
    }
    return current;
  };
}

function replicaLimit(config: ConfigPort): OutputLimit {
  const words = config.words('client-output-buffer-limit');
  const at = words.findIndex(word => word === 'replica' || word === 'slave');
  return at < 0
    ? { hard: 0, soft: 0, softSeconds: 0 }
    : { hard: Number(words[at + 1]), soft: Number(words[at + 2]), softSeconds: Number(words[at + 3]) };
}
