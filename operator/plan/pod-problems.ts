/** What is wrong with pods and with the way to them, as findings for the status: the pod, the reason, the platform's words. */
import type { NodeProblem } from '../model/observation.ts';
import type { WorkloadObservation } from '../model/workload.ts';
import type { PlanContext } from './context.ts';
import { ENDED_REPORT_MS, FOREIGN_NODES_REPORT_MS, STARTING_MS, TELL_RESTARTS_MS, UNREACHABLE_REPORT_MS } from './limits.ts';

/** Reasons of a waiting container that pass by themselves. */
const STARTING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing', 'Pending', 'Starting', '']);

const LAST_WORDS_LENGTH = 300;

export function findPodProblems(context: PlanContext): void {
  const { observation } = context;
  const byName = new Map(observation.workloads.map(workload => [workload.name, workload]));
  let starting = 0;
  for (const { name } of observation.wanted.nodes) {
    const workload = byName.get(name);
    if (workload !== undefined) tellRestart(context, workload);
    const problem = workload === undefined ? undefined : lastingProblem(context, workload);
    if (problem !== undefined) {
      context.degraded(problem.reason, `${name}: ${problem.message}`);
      context.tell(`pod:${name}:${problem.reason}`, 'Warning', problem.reason, `${name}: ${problem.message}`);
    } else if (!context.topology.members.has(name)) {
      starting++;
      findUnreachable(context, name);
    }
  }
  if (starting > 0)
    context.progressing(
      context.formed ? 'Repairing' : 'Creating',
      `${starting} of ${observation.wanted.nodes.length} nodes do not answer yet`,
    );
  findForeign(context);
}

function tellRestart(context: PlanContext, { name, pod }: WorkloadObservation): void {
  const last = pod?.lastTermination;
  if (pod === undefined || last === undefined || context.now - last.at > TELL_RESTARTS_MS) return;
  context.tell(
    `restarted:${pod.uid}:${last.at}`,
    'Warning',
    'ProcessEnded',
    `${name}: the process ended with ${last.reason} (exit code ${last.exitCode}) and is started again in its pod`,
  );
}

/** A process that has ended is started again at once, as a rule: only one that stays ended is a problem. */
function lastingProblem(context: PlanContext, workload: WorkloadObservation): ReturnType<typeof podProblem> {
  const problem = podProblem(workload);
  if (problem === undefined || workload.pod?.process.kind !== 'terminated') return problem;
  return context.memory.heldFor(`ended:${workload.name}`) >= ENDED_REPORT_MS ? problem : undefined;
}

function podProblem({ pod }: WorkloadObservation): { readonly reason: string; readonly message: string } | undefined {
  if (pod === undefined || pod.deletingSince !== undefined) return undefined;
  const { process, lastTermination } = pod;
  switch (process.kind) {
    case 'running':
      return undefined;
    case 'waiting': {
      if (STARTING.has(process.reason)) return undefined;
      const last =
        lastTermination === undefined
          ? ''
          : `; it ended last with ${lastTermination.reason} (exit code ${lastTermination.exitCode})${lastWords(lastTermination.message)}`;
      if (process.reason === 'CrashLoopBackOff' && lastTermination?.reason === 'OOMKilled')
        return { reason: 'OOMKilled', message: 'the process was killed by its memory limit and is started again' };
      return { reason: process.reason, message: `${process.message === '' ? 'the container cannot start' : process.message}${last}` };
    }
    case 'terminated':
      return {
        reason: process.reason === '' ? 'PodFailed' : process.reason,
        message: `${process.message === '' ? 'the process ended' : process.message} (exit code ${process.exitCode})`,
      };
  }
}

/** The last line of what a process that ended had to say: its error, if it had one. */
function lastWords(message: string): string {
  const line = message.trim().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : `: ${line.slice(0, LAST_WORDS_LENGTH)}`;
}

function findUnreachable(context: PlanContext, name: string): void {
  const node = context.observation.nodes.get(name);
  if (node === undefined || node.reachable || isStarting(context, name, node.problem)) return;
  const held = context.memory.heldFor(`unreachable:${name}`);
  if (node.problem !== 'authentication' && held < UNREACHABLE_REPORT_MS) return;
  const reason = node.problem === 'authentication' ? 'AuthenticationFailed' : 'NodeNotReachable';
  context.degraded(reason, `${name}: ${node.message}`);
  context.tell(`unreachable:${name}:${reason}`, 'Warning', reason, `${name}: ${node.message}`);
}

/** A process that was started a moment ago does not listen yet: no trouble. */
function isStarting(context: PlanContext, name: string, problem: NodeProblem): boolean {
  const process = context.observation.workloads.find(workload => workload.name === name)?.pod?.process;
  return problem === 'refused' && process?.kind === 'running' && context.now - process.startedAt < STARTING_MS;
}

function findForeign(context: PlanContext): void {
  for (const [name, announced] of context.topology.impostors) {
    if (context.memory.heldFor(`impostor:${name}`) < FOREIGN_NODES_REPORT_MS) continue;
    context.degraded('ForeignNodes', `${name}: a node that calls itself "${announced}" answers at its address; it is left alone`);
  }
  for (const member of context.topology.members.values()) {
    if (member.strangers.length === 0 || context.memory.heldFor(`strangers:${member.name}`) < FOREIGN_NODES_REPORT_MS) continue;
    const note = `${member.name} knows nodes that are not of this cluster (${member.strangers.map(id => id.slice(0, 8)).join(', ')}); it is left alone until they are forgotten`;
    context.degraded('ForeignNodes', note);
    context.tell(`strangers:${member.name}`, 'Warning', 'ForeignNodes', note);
  }
}
