import { describe, expect, test } from 'vitest';
import { parseCommandLine, UsageError } from './command-line.ts';
import { parseManifestText } from './read-manifest.ts';

const parse = (line: string, environment: Record<string, string> = {}) => parseCommandLine(line.split(' ').filter(Boolean), environment);

describe('the command line', () => {
  test('up takes a manifest and has a default for everything else', () => {
    expect(parse('up a.yaml')).toEqual({
      kind: 'up',
      options: {
        manifest: 'a.yaml',
        firstPort: 7001,
        folder: '.slotkeeper',
        fresh: false,
        demo: false,
        serverBinary: undefined,
        dashboardPort: 7979,
      },
    });
    expect(parse('up --port 7101 a.yaml --dir d --fresh --demo --server-binary /v')).toMatchObject({
      options: { firstPort: 7101, folder: 'd', fresh: true, demo: true, serverBinary: '/v' },
    });
    expect(parse('up a.yaml --dashboard 8001')).toMatchObject({ options: { dashboardPort: 8001 } });
    expect(parse('up a.yaml --dashboard off')).toMatchObject({ options: { dashboardPort: undefined } });
    expect(parse('up a.yaml', { SLOTKEEPER_SERVER_BINARY: '/w' })).toMatchObject({ options: { serverBinary: '/w' } });
  });

  test('what it does not know is refused by name', () => {
    expect(() => parse('down')).toThrow(new UsageError('There is no command "down": the commands are up and operator (slotkeeper --help)'));
    expect(() => parse('up a.yaml --prot 1')).toThrow(/--prot/);
    expect(() => parse('up')).toThrow(/takes one manifest, 0 were given/);
    expect(() => parse('up a b')).toThrow(/2 were given/);
    expect(() => parse('up a --port x')).toThrow(/--port is "x": it must be a number such as 7001/);
    expect(() => parse('up a --dashboard on')).toThrow(/--dashboard is "on": it must be a number such as 7979/);
    expect(() => parse('operator now')).toThrow(/takes no arguments, "now" was given/);
  });

  test('help and version are always there', () => {
    for (const line of ['', '--help', '-h', 'help', 'up --help', 'operator -h']) expect(parse(line).kind).toBe('help');
    expect(parse('--version').kind).toBe('version');
  });
});

describe('the manifest of slotkeeper up', () => {
  const CLUSTER = 'apiVersion: slotkeeper.dev/v1alpha1\nkind: ValkeyCluster\nmetadata: {name: shop}\n';

  test('is one ValkeyCluster, and the Secrets it names', () => {
    expect(parseManifestText('f', CLUSTER)).toMatchObject({
      name: 'shop',
      namespace: 'default',
      spec: { shards: 3, replicas: 1 },
      secrets: [],
    });
    const secret = '---\nkind: Secret\nmetadata: {name: pw}\nstringData: {password: s}\ndata: {other: Yg==}\n';
    const manifest = parseManifestText('f', `${CLUSTER}spec: {auth: {passwordSecret: {name: pw}}}\n${secret}`);
    expect([...manifest.secrets[0].data]).toEqual([
      ['other', 'b'],
      ['password', 's'],
    ]);
  });

  test('that is wrong is refused with the file, the field, the value and what would be right', () => {
    expect(() => parseManifestText('f.yaml', `${CLUSTER}spec: {shards: 0}`)).toThrow(
      'f.yaml is no valid ValkeyCluster:\n  spec.shards: 0 is not valid: must be at least 1',
    );
    expect(() => parseManifestText('f.yaml', '')).toThrow('f.yaml holds no ValkeyClusters: slotkeeper up runs exactly one');
    expect(() => parseManifestText('f.yaml', `${CLUSTER}---\n${CLUSTER}`)).toThrow('f.yaml holds 2 ValkeyClusters');
    expect(() => parseManifestText('f.yaml', 'a: [')).toThrow('f.yaml is no valid YAML');
    expect(() => parseManifestText('f.yaml', `${CLUSTER}spec: {auth: {passwordSecret: {name: pw}}}`)).toThrow(
      'the Secret "pw", which is not in the file',
    );
  });
});
