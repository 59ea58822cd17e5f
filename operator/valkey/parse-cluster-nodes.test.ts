import { describe, expect, it } from 'vitest';
import { formatSlotRanges } from '../../lib/slot-ranges.ts';
import { parseClusterNodes } from './parse-cluster-nodes.ts';
import { keysInAllDatabases, parseInfo } from './parse-info.ts';

const ID = (letter: string): string => letter.repeat(40);

describe('CLUSTER NODES', () => {
  it('tells roles, health, slots and links of every node', () => {
    const text = [
      `${ID('a')} 10.0.0.1:6379@16379 myself,master - 0 0 3 connected 0-100 200 [150->-${ID('b')}]`,
      `${ID('b')} 10.0.0.2:6379@16379,host-b slave ${ID('a')} 0 1700000000000 3 connected`,
      `${ID('c')} :0@0 master,fail,noaddr - 1700000000000 1700000000000 1 disconnected 101-199`,
      `${ID('d')} 10.0.0.4:6379@16379 handshake - 0 0 0 disconnected`,
      `${ID('e')} fd00::7:6379@16379,,shard-id=x master,fail? - 0 0 7 connected`,
      '',
    ].join('\n');
    const [a, b, c, d, e] = parseClusterNodes(text);
    expect(a).toMatchObject({ myself: true, role: 'primary', health: 'ok', configEpoch: 3, migrating: true, linkConnected: true });
    expect(formatSlotRanges(a.slots)).toBe('0-100,200');
    expect(b).toMatchObject({ role: 'replica', primaryId: ID('a'), host: '10.0.0.2', port: 6379, busPort: 16379, hostname: 'host-b' });
    expect(c).toMatchObject({ health: 'fail', noAddress: true, linkConnected: false, host: '', port: 0 });
    expect(d).toMatchObject({ handshake: true, role: 'unknown' });
    expect(e).toMatchObject({ health: 'pfail', host: 'fd00::7', port: 6379 });
    expect(e.hostname).toBeUndefined();
  });

  it('is refused when a line is cut short', () => {
    expect(() => parseClusterNodes('abc 1.2.3.4:1@2 master')).toThrow('too few fields');
  });
});

describe('INFO', () => {
  it('gives fields without section headings and counts keys of all databases', () => {
    const fields = parseInfo(
      '# Server\r\nvalkey_version:9.1.2\r\n\r\n# Keyspace\r\ndb0:keys=7,expires=0,avg_ttl=0\r\ndb3:keys=2,expires=1,avg_ttl=0\r\n',
    );
    expect(fields.get('valkey_version')).toBe('9.1.2');
    expect(keysInAllDatabases(fields)).toBe(9);
  });
});
