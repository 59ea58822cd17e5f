/**
 * The life of a server: loading, serving, shutting down.
 *
 * Shutdown is orderly: writes pause, replicas get up to shutdown-timeout to take what they lack, in a cluster a replica may take over first;
 * the data are saved when that is wanted, and while that fails the server goes on; then the process (or the embedding program) is told to end.
 * While it saves it takes nothing in, be it from its primary or from the source of slots: what it confirmed by then would not be in its file.
 */

import type { LifecyclePort, ServerPorts, ShutdownOptions } from '../core/ports.ts';

const LOOK_MS = 50;
const ABORTED = 'ERR Errors trying to SHUTDOWN. Check logs.';

export interface LifecycleParts {
  /** Given when all parts are made. */
  readonly ports: () => ServerPorts;
  readonly runId: string;
  readonly executable: string;
  readonly configFile: string;
  readonly processId: number;
  /** Closes what is open, and ends the process when it is this server's own. */
  readonly end: () => void;
}

export class Lifecycle implements LifecyclePort {
  loading = false;
  shuttingDownUntil: number | undefined;
  readonly runId: string;
  readonly executable: string;
  readonly configFile: string;
  readonly processId: number;
  private readonly parts: LifecycleParts;
  private abort: (() => void) | undefined;

  constructor(parts: LifecycleParts) {
    this.parts = parts;
    this.runId = parts.runId;
    this.executable = parts.executable;
    this.configFile = parts.configFile;
    this.processId = parts.processId;
  }

  setLoading(loading: boolean): void {
    this.loading = loading;
  }

  async shutdown(options: ShutdownOptions): Promise<string | undefined> {
    const ports = this.parts.ports();
    const { clock, clients, cluster, log } = ports;
    if (this.shuttingDownUntil !== undefined) return ABORTED;
    log.warning('User requested shutdown...');
    const until = clock.now() + (options.now ? 0 : ports.config.integer('shutdown-timeout') * 1000);
    this.shuttingDownUntil = until;
    if (options.failover && cluster?.isPrimary === true) {
      const taken = await cluster.failoverForShutdown();
      if (!taken) log.warning('No replica took over before the shutdown');
    }
    // Before the pause, which holds it back. Not without need: it is a part of the stream, and the saved file would be behind by it.
    if (clock.now() < until && this.lateReplicas() > 0) ports.replication.requestAcksAtOnce();
    clients.pause('shutdown', Number.MAX_SAFE_INTEGER, true);
    const aborted = !(await this.replicasCaughtUp(until));
    if (aborted) {
      this.shuttingDownUntil = undefined;
      clients.unpause('shutdown');
      log.warning('Shutdown manually aborted.');
      return ABORTED;
    }
    if (!(await this.saved(options))) {
      this.shuttingDownUntil = undefined;
      clients.unpause('shutdown');
      log.warning('Errors trying to shut down the server. Check the logs for more information.');
      return ABORTED;
    }
    log.warning('Valkey is now ready to exit, bye bye...');
    this.parts.end();
    return new Promise(() => {});
  }

  abortShutdown(): boolean {
    if (this.abort === undefined) return false;
    this.abort();
    return true;
  }

  /** False: the data could not be saved, and the shutdown is not forced. What is not a whole data set never takes the place of one that is. */
  private async saved({ save, force }: ShutdownOptions): Promise<boolean> {
    const { persistence, replication, cluster, log } = this.parts.ports();
    if (this.loading || !replication.dataWhole || !(save ?? persistence.savesByItself)) return true;
    log.notice('Saving the final RDB snapshot before exiting.');
    const rest = (on: boolean): void => {
      replication.rest(on);
      cluster?.slotMigrations.refuseImports(on);
    };
    rest(true);
    if (await persistence.saveNow()) return true;
    log.warning(force ? 'Error trying to save the DB. Exit anyway.' : "Error trying to save the DB, can't exit.");
    if (!force) rest(false);
    return force;
  }

  /** Replicas that have not confirmed all of the stream. */
  private lateReplicas(): number {
    const { replication } = this.parts.ports();
    return replication.replicas().filter(replica => replica.state === 'online' && replica.ackedOffset < replication.offset).length;
  }

  /** Resolves to false when the shutdown was aborted meanwhile. */
  private replicasCaughtUp(until: number): Promise<boolean> {
    const { replication, timers, clock, log } = this.parts.ports();
    return new Promise(resolve => {
      let stop = (): void => {};
      const settle = (go: boolean): void => {
        stop();
        this.abort = undefined;
        resolve(go);
      };
      const look = (): void => {
        const late = this.lateReplicas();
        if (late > 0 && clock.now() < until) return;
        if (late > 0) log.warning(`${late} of ${replication.onlineReplicas} replicas are in sync when shutting down.`);
        settle(true);
      };
      this.abort = () => settle(false);
      stop = timers.every(LOOK_MS, look);
      look();
    });
  }
}
