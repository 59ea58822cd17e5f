/**
 * The cluster as the server's other parts see it (`ClusterPort`): the bus machine over the server's own ports.
 *
 * `server.ts` makes it when cluster-enabled is set, opens it before the data is loaded, and starts it after: then it wants the
 * connections that the bus port accepts.
 */

import { FLAG_ASKING, FLAG_PUBSUB, FLAG_WRITE, type Command } from '../core/command.ts';
import type { ClusterAdministration } from '../core/cluster-administration.ts';
import type { ClusterPort, ServerPorts } from '../core/ports.ts';
import type { Session } from '../core/session.ts';
import { createAdministration } from './administration.ts';
import { ClusterBus } from './cluster-bus.ts';
import { isPrimary } from './cluster-node.ts';
import { ANNOUNCING_DIRECTIVES, type AllSettings, busPort, clusterSettings } from './cluster-settings.ts';
import { TICK_MS } from './cluster-tick.ts';
import { infoText } from './descriptions.ts';
import type { BusNetwork, BusSocket, BusSocketEvents, NodesStore } from './environment.ts';
import { CROSS_SLOT } from '../protocol/reply-errors.ts';
import { adoptOpenSlots, openSlotsText } from './open-slots.ts';
import { NodesFileError } from './nodes-file.ts';
import { routeRequest } from './redirection.ts';
import { replicationPort } from './roles.ts';
import { mayReturn } from './returning.ts';
import { failoverForShutdown } from './shutdown-failover.ts';
import { createSlotData } from './slot-data.ts';
import { SlotDropper } from './slot-dropper.ts';
import { migrationEnvironment } from './migration-environment.ts';
import { SlotMigrations } from './slot-migration/slot-migrations.ts';

export interface ClusterServiceOptions {
  readonly ports: ServerPorts;
  readonly network: BusNetwork;
  readonly store: NodesStore;
  /** Ends the process: the nodes file cannot be written, so that no promise can be kept. */
  readonly fatal: (message: string) => void;
}

export class ClusterService implements ClusterPort {
  readonly administration: ClusterAdministration;
  readonly slotMigrations: SlotMigrations;
  readonly #bus: ClusterBus;
  readonly #dropper: SlotDropper;
  readonly #ports: ServerPorts;
  readonly #settings: () => AllSettings;
  #stopTicking: () => void = () => {};

  constructor({ ports, network, store, fatal }: ClusterServiceOptions) {
    this.#ports = ports;
    this.#settings = clusterSettings(ports.config);
    this.#dropper = new SlotDropper(ports, { hide: (slot, on) => ports.databases.hideSlot(slot, on) });
    this.#bus = new ClusterBus({
      clock: ports.clock,
      entropy: ports.entropy,
      timers: ports.timers,
      log: ports.log,
      network,
      store,
      data: createSlotData(ports, this.#dropper),
      // Read through the ports each time: they may be wired after this.
      replication: {
        // A data set that is half replaced counts as none: its node is ranked last, and is too old to be elected.
        get offset() {
          return ports.replication.dataWhole ? ports.replication.offset : 0;
        },
        get primaryHost() {
          return ports.replication.primaryHost;
        },
        millisecondsSincePrimary: () =>
          ports.replication.dataWhole ? ports.replication.millisecondsSincePrimary() : Number.POSITIVE_INFINITY,
        follow: (host, port, keepHistory) => {
          // From here on the data are the primary's: what was to be deleted is its business.
          if (ports.replication.role === 'primary') this.#dropper.stop();
          ports.replication.follow(host, port, keepHistory);
        },
        promote: () => ports.replication.promote(),
        standAside: on => {
          if (on) ports.clients.pause('returning', Number.MAX_SAFE_INTEGER, true);
          ports.replication.standAside(on);
          if (!on) ports.clients.unpause('returning');
        },
        yieldTo: offset => ports.replication.yieldTo(offset),
      },
      clients: {
        pauseWrites: until => ports.clients.pause('failover', until, true),
        unpauseWrites: () => ports.clients.unpause('failover'),
        // Nobody can subscribe yet: a message of another node has no receiver here.
        deliver() {},
      },
      settings: this.#settings,
      leaving: () => ports.lifecycle.shuttingDownUntil !== undefined,
      fatal,
    });
    this.administration = createAdministration(this.#bus);
    const { state } = this.#bus;
    state.slots.beforeMine = slot => this.#dropper.finish(slot);
    this.slotMigrations = new SlotMigrations(migrationEnvironment(ports, this.#dropper, network), state, ports.commands, () =>
      this.#bus.settle(),
    );
    state.migrations = this.slotMigrations;
    ports.propagation.subscribe(this.slotMigrations.feed);
    ports.clients.onClose(session => this.slotMigrations.sessionClosed(session));
  }

  /** Reads the nodes file, or begins a new identity. Throws when the file cannot be read or is damaged. */
  open(): void {
    try {
      this.#bus.open();
    } catch (error) {
      const what =
        error instanceof NodesFileError ? 'Unrecoverable error: corrupted cluster config file' : 'Cannot use the cluster config file';
      this.#ports.log.warning(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
    this.#ports.config.onChange(ANNOUNCING_DIRECTIVES, () => this.#bus.settingsChanged());
  }

  /** After the data was loaded: keys and slots are brought together, and the node begins to talk. */
  start(): void {
    this.#bus.dataLoaded();
    this.slotMigrations.dataLoaded();
    this.#stopTicking = this.#ports.timers.every(TICK_MS, () => {
      this.#bus.tick();
      this.slotMigrations.tick();
    });
  }

  /** This node comes back as a primary among others: it must find out first whether it goes on as one, with its data as they are. */
  get returns(): boolean {
    return mayReturn(this.#bus.state);
  }

  /** The port to listen on. */
  get busPort(): number {
    return busPort(this.#ports.config);
  }

  accept(socket: BusSocket): BusSocketEvents {
    return this.#bus.accept(socket);
  }

  /** Saves the nodes file and leaves. */
  stop(): void {
    this.#stopTicking();
    this.slotMigrations.stop();
    this.#ports.log.notice('Saving the cluster configuration file before exiting.');
    this.#bus.stop();
  }

  get myId(): string {
    return this.#bus.state.myself.id;
  }

  get shardId(): string {
    return this.#bus.state.myself.shardId;
  }

  get stateOk(): boolean {
    return this.#bus.state.ok;
  }

  get isPrimary(): boolean {
    return isPrimary(this.#bus.state.myself);
  }

  /** Hot path. */
  ownsStable(slot: number): boolean {
    const { state } = this.#bus;
    const { slots } = state;
    if (!state.ok || slots.owner[slot] !== state.nodes.myself) return false;
    return slots.migratingTo.size + slots.importingFrom.size === 0 || !slots.isOpen(slot);
  }

  openSlots(): string {
    return openSlotsText(this.#bus.state.slots);
  }

  adoptOpenSlots(text: string): void {
    adoptOpenSlots(this.#bus.state, text);
    this.#bus.settle();
  }

  isDropping(slot: number): boolean {
    return this.#dropper.isDropping(slot);
  }

  redirect(session: Session, command: Command, slot: number, missingKeys: () => number, keyCount: number): string | undefined {
    if (slot === -1) return undefined;
    if (slot < 0) return CROSS_SLOT;
    return routeRequest(this.#bus.state, this.#settings(), {
      slot,
      write: (command.flagBits & FLAG_WRITE) !== 0,
      pubsub: (command.flagBits & FLAG_PUBSUB) !== 0,
      readonlyMode: session.readonlyMode,
      asking: session.asking || (command.flagBits & FLAG_ASKING) !== 0,
      crossDatabase: command.fullName === 'move',
      keyCount,
      missingKeys,
      client: { ipv6: session.transport.remoteAddress.split(':').length > 2, tls: false },
    });
  }

  describe(nodeId: string): { readonly host: string; readonly port: number } | undefined {
    const { state } = this.#bus;
    const node = state.nodes.get(nodeId);
    return node === undefined ? undefined : { host: node.ip, port: replicationPort(state, node) };
  }

  failoverForShutdown(): Promise<boolean> {
    return failoverForShutdown(this.#ports, () => this.isPrimary);
  }

  infoText(): string {
    return infoText(this.#bus.state);
  }

  get connectionsCount(): number {
    return (this.#bus.state.nodes.size - 1) * 2;
  }
}
