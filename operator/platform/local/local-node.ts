/**
 * A node workload on this machine: what a StatefulSet of one pod is on Kubernetes.
 *
 * The template is what the next process will be started with; the "pod" is one life of the workload by one template (it gets a new
 * uid when it is restarted by intention), and within it the process may be restarted in place (a new containerId each time). The
 * working folder is emptied before each start, unless the node is persistent: identity lives and dies with the data, and without persistence both end with the process.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DirectiveLine, NodeWorkload, PodObservation, ProcessState, WorkloadObservation } from '../../model/workload.ts';
import { accepts, BUS_PORT_OFFSET, LOOPBACK } from './loopback.ts';
import { describeEnd, NodeProcess, type ProcessEnd } from './node-process.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { serverProgram } from './server-program.ts';

export type LocalNodeContext = {
  readonly port: number;
  readonly folder: string;
  readonly logFile: string;
  readonly serverBinary: string | undefined;
  readonly password: () => string;
  readonly onStarted: (process: ProcessIdentity) => void;
  readonly onEnded: (pid: number) => void;
  /** Something about the node is not as it was. */
  readonly onChanged: () => void;
};

type Pod = {
  readonly uid: string;
  readonly template: NodeWorkload;
  readonly createdAt: number;
  readonly process: NodeProcess;
  deletingSince: number | undefined;
  containerId: string | undefined;
  ready: boolean;
  lastTermination: PodObservation['lastTermination'];
};

const PROBE_PAUSE_MS = 30;
const PROBE_TIMEOUT_MS = 1_000;
const LOG_TAIL_BYTES = 4_096;
const SIGNAL_EXIT_CODES: Readonly<Record<string, number>> = { SIGKILL: 137, SIGTERM: 143, SIGSEGV: 139, SIGABRT: 134 };

export class LocalNode {
  readonly #context: LocalNodeContext;
  #template: NodeWorkload;
  #pod: Pod | undefined;
  #deleting = false;
  /** The end of the pod that is on its way down; a new one starts after it. */
  #leaving: Promise<void> = Promise.resolve();

  constructor(template: NodeWorkload, context: LocalNodeContext) {
    this.#template = template;
    this.#context = context;
    this.#pod = this.#newPod();
  }

  get template(): NodeWorkload {
    return this.#template;
  }

  get port(): number {
    return this.#context.port;
  }

  /** What the next process is started with; the running one stays as it is. */
  setTemplate(template: NodeWorkload): void {
    this.#template = template;
  }

  /** Ends the pod, gracefully within `graceMs`, and makes a new one by the template. Nothing when the pod is not `podUid` any more. */
  restart(podUid: string, graceMs: number): void {
    const pod = this.#pod;
    if (pod?.uid !== podUid || pod.deletingSince !== undefined || this.#deleting) return;
    this.#leaving = this.#end(pod, graceMs).then(() => {
      if (!this.#deleting) this.#pod = this.#newPod();
      this.#context.onChanged();
    });
  }

  /** Ends the pod and leaves nothing running, and nothing on the disk. Resolves when it is gone. */
  async delete(graceMs: number): Promise<void> {
    await this.#leave(graceMs, 'SIGTERM');
    rmSync(this.#context.folder, { recursive: true, force: true });
  }

  /**
   * Ends the pod because everything ends; what is persistent stays. By SIGINT: there is nobody to hand a role over to, which is what SIGTERM asks for.
   */
  async stop(graceMs: number): Promise<void> {
    await this.#leave(graceMs, 'SIGINT');
    if (this.#template.persistent !== true) rmSync(this.#context.folder, { recursive: true, force: true });
  }

  async #leave(graceMs: number, signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
    this.#deleting = true;
    const pod = this.#pod;
    if (pod !== undefined && pod.deletingSince === undefined) this.#leaving = this.#end(pod, graceMs, signal);
    await this.#leaving;
  }

  /** Whether a process of this pod (this very one, where `containerId` is given) may still run. */
  runs(podUid: string, containerId: string | undefined): boolean {
    const pod = this.#pod;
    if (pod === undefined || pod.uid !== podUid || pod.process.state.phase !== 'running') return false;
    return containerId === undefined || containerId === pod.containerId;
  }

  observe(): WorkloadObservation {
    const { name, shard, index, revision } = this.#template;
    const base = { name, shard, index, templateRevision: revision, deleting: this.#deleting };
    return this.#pod === undefined ? base : { ...base, pod: this.#observePod(this.#pod) };
  }

  #observePod(pod: Pod): PodObservation {
    return {
      uid: pod.uid,
      revision: pod.template.revision,
      image: pod.template.image,
      process: processState(pod),
      restartCount: pod.process.restarts,
      ready: pod.ready,
      address: { host: LOOPBACK, port: this.#context.port, busPort: this.#context.port + BUS_PORT_OFFSET },
      hostUnschedulable: false,
      hostReady: true,
      createdAt: pod.createdAt,
      ...(pod.containerId !== undefined && { containerId: pod.containerId }),
      ...(pod.lastTermination !== undefined && { lastTermination: pod.lastTermination }),
      ...(pod.deletingSince !== undefined && { deletingSince: pod.deletingSince }),
    };
  }

  async #end(pod: Pod, graceMs: number, signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<void> {
    pod.deletingSince = Date.now();
    pod.ready = false;
    this.#context.onChanged();
    await pod.process.stop(graceMs, signal);
    this.#pod = undefined;
    this.#context.onChanged();
  }

  #newPod(): Pod {
    const template = this.#template;
    const program = serverProgram(template.image, this.#context.serverBinary, process.cwd());
    const started: { pod: Pod | undefined; identity: ProcessIdentity | undefined } = { pod: undefined, identity: undefined };
    const onStarted = (identity: ProcessIdentity): void => {
      started.identity = identity;
      this.#context.onStarted(identity);
      if (started.pod !== undefined) this.#onStarted(started.pod, identity);
    };
    const child = new NodeProcess({
      command: program.found ? program.path : '/nonexistent',
      args: [join(this.#context.folder, 'valkey.conf')],
      workingFolder: this.#context.folder,
      logFile: this.#context.logFile,
      prepare: () => {
        if (!program.found) throw new Error(program.reason);
        this.#prepareFolder(template);
      },
      onStarted,
      onEnded: (pid, end) => this.#onEnded(started.pod, pid, end),
    });
    const pod: Pod = {
      uid: randomUUID(),
      template,
      createdAt: Date.now(),
      process: child,
      deletingSince: undefined,
      containerId: undefined,
      ready: false,
      lastTermination: undefined,
    };
    started.pod = pod;
    if (started.identity !== undefined) this.#onStarted(pod, started.identity);
    return pod;
  }

  #onStarted(pod: Pod, identity: ProcessIdentity): void {
    const containerId = `${identity.pid}-${identity.startTime.replaceAll(' ', '-')}`;
    pod.containerId = containerId;
    this.#context.onChanged();
    this.#probe(pod, containerId).catch(() => {});
  }

  #onEnded(pod: Pod | undefined, pid: number, end: ProcessEnd): void {
    this.#context.onEnded(pid);
    if (pod === undefined) return;
    pod.ready = false;
    pod.lastTermination = {
      reason: end.code === 0 ? 'Completed' : 'Error',
      exitCode: exitCodeOf(end),
      message: explainEnd(end, this.#context.logFile),
      at: Date.now(),
    };
    this.#context.onChanged();
  }

  /** Asks until the process accepts connections: that is the start-up probe and the readiness probe at once. */
  async #probe(pod: Pod, containerId: string): Promise<void> {
    const current = (): boolean => this.#pod === pod && pod.containerId === containerId && this.runs(pod.uid, containerId);
    await new Promise(resolve => setTimeout(resolve, 0));
    while (current() && !pod.ready) {
      if ((await accepts(this.#context.port, PROBE_TIMEOUT_MS)) && current()) {
        pod.ready = pod.deletingSince === undefined;
        this.#context.onChanged();
        return;
      }
      await new Promise(resolve => setTimeout(resolve, PROBE_PAUSE_MS));
    }
  }

  #prepareFolder(template: NodeWorkload): void {
    const { folder, port } = this.#context;
    if (template.persistent !== true) rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const password = this.#context.password();
    const platformLines: readonly DirectiveLine[] = [
      { name: 'port', args: [String(port)] },
      { name: 'cluster-port', args: [String(port + BUS_PORT_OFFSET)] },
      { name: 'bind', args: [LOOPBACK] },
      { name: 'dir', args: [folder] },
      { name: 'cluster-announce-ip', args: [LOOPBACK] },
      { name: 'protected-mode', args: ['no'] },
      ...(password === '' ? [] : ['requirepass', 'primaryauth'].map(name => ({ name, args: [password] }))),
    ];
    const text = [...template.directives, ...platformLines].map(formatDirective).join('\n');
    writeFileSync(join(folder, 'valkey.conf'), `${text}\n`, { mode: 0o600 });
  }
}

/** A line of valkey.conf: arguments in double quotes where they hold more than plain characters. */
export function formatDirective({ name, args }: DirectiveLine): string {
  const quote = (arg: string): string => {
    if (/^[\w.:/@%+,*~-]+$/.test(arg)) return arg;
    const bytes = [...Buffer.from(arg)];
    return `"${bytes.map(byte => (byte < 32 || byte > 126 ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte).replace(/["\\]/, '\\$&'))).join('')}"`;
  };
  return [name, ...args.map(quote)].join(' ');
}

function processState({ process: child, lastTermination }: Pod): ProcessState {
  const state = child.state;
  switch (state.phase) {
    case 'running':
      return { kind: 'running', startedAt: state.startedAtMs };
    case 'waiting': {
      const message = lastTermination?.message ?? `the server ${describeEnd(state.end)}`;
      if (state.end.error !== undefined) return { kind: 'waiting', reason: 'StartError', message: describeEnd(state.end) };
      if (state.nextStartMs - state.endedAtMs > 1_000) return { kind: 'waiting', reason: 'CrashLoopBackOff', message };
      return terminated(state.end, message);
    }
    case 'stopped':
      return terminated(state.end, `the server ${describeEnd(state.end)}`);
  }
}

function terminated(end: ProcessEnd, message: string): ProcessState {
  return { kind: 'terminated', reason: end.code === 0 ? 'Completed' : 'Error', message, exitCode: exitCodeOf(end) };
}

const exitCodeOf = (end: ProcessEnd): number => end.code ?? SIGNAL_EXIT_CODES[end.signal ?? ''] ?? 128;

/** How a process ended, with the last line of its log when it ended badly. */
function explainEnd(end: ProcessEnd, logFile: string): string {
  const last = end.code === 0 ? undefined : lastLine(logFile);
  return last === undefined ? `the server ${describeEnd(end)}` : `the server ${describeEnd(end)}; its last words: ${last}`;
}

function lastLine(file: string): string | undefined {
  try {
    const descriptor = openSync(file, 'r');
    const { size } = fstatSync(descriptor);
    const tail = Buffer.alloc(Math.min(size, LOG_TAIL_BYTES));
    readSync(descriptor, tail, 0, tail.length, size - tail.length);
    closeSync(descriptor);
    return tail.toString('utf8').trimEnd().split('\n').at(-1)?.slice(0, 300) || undefined;
  } catch {
    return undefined;
  }
}
