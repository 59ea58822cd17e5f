/** What every concern of the plan gets: the observation, the picture made of it, the memory; and where it puts its steps and findings. */
import type { Action, Decision, Finding } from '../model/action.ts';
import type { Observation } from '../model/observation.ts';
import type { ScalingProgress } from '../model/plan-result.ts';
import type { Member, ShardTopology, Topology } from '../model/topology.ts';
import { findCondition } from '../api/conditions.ts';
import type { MemoryDraft } from './memory-draft.ts';
import { UNRECORDED_ID_GONE_MS } from './limits.ts';

export class PlanContext {
  readonly observation: Observation;
  readonly topology: Topology;
  readonly memory: MemoryDraft;
  readonly actions: Action[] = [];
  readonly findings: Finding[] = [];
  scaling: ScalingProgress | undefined;
  /** Shards that there should be from the next turn on, where they follow the load. */
  targetShards: number | undefined;

  constructor(observation: Observation, topology: Topology, memory: MemoryDraft) {
    this.observation = observation;
    this.topology = topology;
    this.memory = memory;
  }

  get now(): number {
    return this.observation.at;
  }

  /** The cluster was whole once, and its data has not been declared lost since. */
  get formed(): boolean {
    return findCondition(this.observation.cluster.status.conditions, 'ClusterFormed')?.status === 'True';
  }

  shard(index: number): ShardTopology | undefined {
    return this.topology.shards.find(shard => shard.index === index);
  }

  act(...actions: readonly Action[]): void {
    this.actions.push(...actions);
  }

  progressing(reason: string, message: string): void {
    this.findings.push({ condition: 'Progressing', reason, message });
  }

  degraded(reason: string, message: string): void {
    this.findings.push({ condition: 'Degraded', reason, message });
  }

  note(reason: string, message: string): void {
    this.findings.push({ condition: 'Note', reason, message });
  }

  /** @param cause the planner's reason, where a decision has one beside its name. */
  tell(key: string, type: Decision['type'], reason: string, note: string, cause?: string): void {
    this.memory.tell(key, { type, reason, note, ...(cause === undefined ? {} : { cause }) });
  }

  /** Every wanted node answers as itself. */
  get allWantedAnswer(): boolean {
    return this.observation.wanted.nodes.every(node => this.topology.members.has(node.name));
  }

  /** The process that had this id can write no more: the platform proves it, or another id answers from the same pod. */
  isGone(nodeId: string): boolean {
    if (this.topology.byId.has(nodeId)) return false;
    if (this.observation.fences.get(nodeId)?.fenced === true) return true;
    const process = this.topology.processes.get(nodeId);
    if (process === undefined) return this.allWantedAnswer && this.memory.heldFor(`unrecorded:${nodeId}`) >= UNRECORDED_ID_GONE_MS;
    const member = this.topology.members.get(process.name);
    return member !== undefined && member.pod.uid === process.podUid && member.view.nodeId !== nodeId;
  }

  /** Why `isGone` is not true, for a human. */
  fenceDetail(nodeId: string): string {
    return this.observation.fences.get(nodeId)?.detail ?? 'no record of the process that ran it';
  }
}

/** Members that may take part: they know nobody but ours. */
export function trusted(topology: Topology): readonly Member[] {
  return [...topology.members.values()].filter(member => member.strangers.length === 0);
}

/** `member` knows `nodeId` well enough to replicate or to talk to it. */
export function knows(member: Member, nodeId: string): boolean {
  return member.view.peers.some(peer => peer.nodeId === nodeId && !peer.handshake && !peer.noAddress);
}
