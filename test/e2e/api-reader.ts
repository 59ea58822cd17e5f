/**
 * Reads objects over one `kubectl proxy` that runs as long as the tests do. The tests look at pods and clusters several times a second; a kubectl for each
 * look would take a good part of a small machine from the cluster that is being measured.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ApiObject } from './api-object.ts';

/** Where the running proxy listens; set for the test workers by whoever started it. */
const ADDRESS_VARIABLE = 'SLOTKEEPER_E2E_PROXY';

const GROUPS: Readonly<Record<string, string>> = {
  pods: 'api/v1',
  services: 'api/v1',
  secrets: 'api/v1',
  configmaps: 'api/v1',
  events: 'api/v1',
  persistentvolumeclaims: 'api/v1',
  statefulsets: 'apis/apps/v1',
  poddisruptionbudgets: 'apis/policy/v1',
  networkpolicies: 'apis/networking.k8s.io/v1',
  valkeyclusters: 'apis/slotkeeper.dev/v1alpha1',
};

export class ApiReader {
  readonly #address: string;

  private constructor(address: string) {
    this.#address = address;
  }

  /** Undefined where no proxy runs, as in the demo: then kubectl reads. */
  static running(): ApiReader | undefined {
    const address = process.env[ADDRESS_VARIABLE];
    return address === undefined ? undefined : new ApiReader(address);
  }

  /** @param plural such as `pods`. */
  static knows(plural: string): boolean {
    return plural in GROUPS;
  }

  async get(plural: string, name: string, namespace: string): Promise<ApiObject | undefined> {
    return (await this.#read(`${GROUPS[plural]}/namespaces/${namespace}/${plural}/${name}`)) as ApiObject | undefined;
  }

  async list(plural: string, namespace: string, selector: string): Promise<readonly ApiObject[]> {
    const query = selector === '' ? '' : `?labelSelector=${encodeURIComponent(selector)}`;
    const list = (await this.#read(`${GROUPS[plural]}/namespaces/${namespace}/${plural}${query}`)) as
      | { readonly kind: string; readonly items: readonly ApiObject[] }
      | undefined;
    const kind = list?.kind.replace(/List$/, '') ?? '';
    return (list?.items ?? []).map(object => ({ ...object, kind }));
  }

  /** Undefined: there is no such object. */
  async #read(path: string): Promise<unknown> {
    const response = await fetch(`${this.#address}/${path}`, { signal: AbortSignal.timeout(30_000) });
    const body = await response.text();
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${body.slice(0, 300)}`);
    return JSON.parse(body);
  }
}

/** Starts the proxy for this process and those that it starts; resolves to what ends it. */
export async function startApiProxy(kubectl: string, selection: readonly string[]): Promise<() => void> {
  const proxy = spawn(kubectl, [...selection, 'proxy', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.env[ADDRESS_VARIABLE] = `http://${await addressOf(proxy)}`;
  return () => {
    delete process.env[ADDRESS_VARIABLE];
    proxy.kill('SIGKILL');
  };
}

/** `Starting to serve on 127.0.0.1:41234` */
function addressOf(proxy: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    proxy.on('error', reject);
    proxy.on('exit', code => reject(new Error(`"kubectl proxy" ended with code ${code}`)));
    if (proxy.stdout === null) throw new Error('"kubectl proxy" has no output');
    createInterface(proxy.stdout).on('line', line => {
      const address = /serve on (\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}
