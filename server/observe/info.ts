/**
 * INFO: named sections in Valkey's order, each written when it is asked for by who knows it.
 *
 *     # Title CRLF, name:value CRLF …, an empty line between sections
 */

import type { InfoPort } from '../core/ports.ts';

/** All sections in order, with their titles. */
const TITLES: ReadonlyMap<string, string> = new Map([
  ['server', 'Server'],
  ['tls', 'TLS'],
  ['clients', 'Clients'],
  ['memory', 'Memory'],
  ['persistence', 'Persistence'],
  ['stats', 'Stats'],
  ['replication', 'Replication'],
  ['cpu', 'CPU'],
  ['module_list', 'Modules'],
  ['commandstats', 'Commandstats'],
  ['errorstats', 'Errorstats'],
  ['latencystats', 'Latencystats'],
  ['cluster', 'Cluster'],
  ['cluster_info', 'Cluster Info'],
  ['scriptingengines', 'Scripting Engines'],
  ['keyspace', 'Keyspace'],
  ['debug', 'Debug'],
]);

const DEFAULT_SECTIONS: readonly string[] = [
  'server',
  'clients',
  'memory',
  'persistence',
  'stats',
  'replication',
  'cpu',
  'module_list',
  'errorstats',
  'cluster',
  'keyspace',
];

export class InfoSections implements InfoPort {
  private readonly writers = new Map<string, () => string>();

  section(name: string, write: () => string): void {
    this.writers.set(name, write);
  }

  render(sections: readonly string[]): string {
    const wanted = new Set<string>();
    for (const section of sections.length === 0 ? ['default'] : sections) {
      if (section === 'default') for (const name of DEFAULT_SECTIONS) wanted.add(name);
      else if (section === 'all' || section === 'everything') for (const name of TITLES.keys()) wanted.add(name);
      else wanted.add(section === 'modules' ? 'module_list' : section);
    }
    // Debugging data come only by name.
    if (!sections.includes('debug')) wanted.delete('debug');
    const parts: string[] = [];
    for (const [name, title] of TITLES) {
      if (wanted.has(name)) parts.push(this.renderSection(name, title));
    }
    return parts.join('\r\n');
  }

  private renderSection(name: string, title: string): string {
    const body = this.writers.get(name)?.() ?? '';
    return body.startsWith('# ') ? body : `# ${title}\r\n${body}`;
  }
}

export type InfoField = readonly [name: string, value: string | number | bigint];

/** The lines of a section. */
export function infoLines(fields: readonly InfoField[]): string {
  return fields.map(([name, value]) => `${name}:${value}\r\n`).join('');
}

/** `1.50M`: as people read numbers of bytes. */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`;
  const units = ['K', 'M', 'G', 'T', 'P', 'E'];
  let value = bytes;
  let unit = -1;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(2)}${units[unit]}`;
}
