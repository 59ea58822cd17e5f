/** Live configuration: values of `spec.config` that a running node takes by CONFIG SET. Set once a process and value; a node that shows the value already is left alone. */
import { stableHash } from '../../lib/stable-hash.ts';
import type { Member } from '../model/topology.ts';
import { findDirective } from '../../lib/directives.ts';
import type { PlanContext } from './context.ts';
import { isLiveDirective, shownValue } from './live-directives.ts';

/** Canonical names of the directives of `config` that are changed live: what `NodeView.liveConfig` is asked for. */
export function liveDirectiveNames(config: Readonly<Record<string, string | number>> | undefined): readonly string[] {
  return Object.keys(config ?? {})
    .filter(isLiveDirective)
    .map(name => findDirective(name)?.name ?? name)
    .toSorted();
}

export function planLiveConfig(context: PlanContext): void {
  const { config } = context.observation.cluster.spec;
  const wanted = Object.entries(config ?? {}).filter(([name]) => isLiveDirective(name));
  if (wanted.length === 0) return;
  const hash = stableHash(wanted);
  const revisions = new Map(context.observation.wanted.nodes.map(node => [node.name, node.revision]));
  for (const member of context.topology.members.values()) {
    // A node of another revision is restarted anyway, and may not know the directive as we mean it.
    if (member.pod.revision !== revisions.get(member.name) || context.memory.liveConfigOf(member.view.runId) === hash) continue;
    const values = wanted
      .filter(([name, value]) => differs(member, name, String(value)))
      .map(([name, value]) => [findDirective(name)?.name ?? name, String(value)] as const);
    context.memory.setLiveConfig(member.view.runId, hash);
    if (values.length === 0) continue;
    context.act({ kind: 'setConfig', node: member.name, values });
    context.tell(
      `config:${hash}`,
      'Normal',
      'ConfigurationChanged',
      `Setting ${values.map(([name, value]) => `${name} ${value}`).join(', ')} on the running nodes`,
    );
  }
}

function differs(member: Member, name: string, value: string): boolean {
  const shown = member.view.liveConfig.get(findDirective(name)?.name ?? name);
  return shown !== (shownValue(name, value) ?? value);
}
