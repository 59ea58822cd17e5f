import { describe, expect, test } from 'vitest';
import { formatDirective } from './local-node.ts';
import { highestFirstPort, nodePort } from './loopback.ts';
import { serverProgram } from './server-program.ts';

describe('what a local node is started with', () => {
  test('directives are written so that the server reads the same bytes', () => {
    expect(formatDirective({ name: 'save', args: [''] })).toBe('save ""');
    expect(formatDirective({ name: 'bind', args: ['127.0.0.1'] })).toBe('bind 127.0.0.1');
    expect(formatDirective({ name: 'requirepass', args: ['a "b" \\ c\n#é'] })).toBe('requirepass "a \\"b\\" \\\\ c\\x0a#\\xc3\\xa9"');
  });

  test('the nodes of index 0 have the first ports, and buses stay below the ports of clients', () => {
    const at = (shard: number, index: number): number => nodePort(7001, 3, { shard, index });
    expect([at(0, 0), at(1, 0), at(2, 0), at(0, 1), at(2, 1)]).toEqual([7001, 7002, 7003, 7004, 7006]);
    expect(highestFirstPort(6) + 5 + 10_000).toBeLessThan(32_768);
  });

  test("an image is Slotkeeper's own server, or a program; a registry's image is refused with the way out", () => {
    for (const image of ['slotkeeper', 'slotkeeper:1.2', 'registry.example/team/slotkeeper@sha256:00'])
      expect(serverProgram(image, undefined, '/')).toMatchObject({ found: true, path: expect.stringMatching(/bin\/valkey-server$/) });
    expect(serverProgram('/bin/sh', undefined, '/')).toEqual({ found: true, path: '/bin/sh' });
    expect(serverProgram('valkey:9.1', '/bin/sh', '/')).toEqual({ found: true, path: '/bin/sh' });
    expect(serverProgram('valkey:9.1', undefined, '/')).toMatchObject({ found: false, reason: expect.stringContaining('--server-binary') });
    expect(serverProgram('./no-such-program', undefined, '/')).toMatchObject({
      found: false,
      reason: expect.stringContaining('/no-such-program cannot be run'),
    });
  });
});
