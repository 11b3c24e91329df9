import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { openProgram } from '../../../src/host/linux/open-program.ts';
import {
  type AdoptedHost,
  type AdoptionPlan,
  type AdoptOptions,
  planAdoption,
} from '../../../src/server/admin/adopt/adopt-host.ts';
import { connectFar } from '../../../src/server/admin/adopt/far-host.ts';
import { serverState } from '../../../src/server/admin/server-state.ts';
import type { MainsailHost } from '../../fixtures/state/mainsail-host.ts';

/** A server with nothing but the config.d that is shipped, which adopts. */
export interface AdoptingServer extends AsyncDisposable {
  readonly state: string;
  readonly config: string;
  /** Below it a test may leave what it likes. */
  readonly folder: string;
  plan(host: MainsailHost, options?: AdoptingOptions): Promise<AdoptionPlan>;
  adopt(host: MainsailHost, options?: AdoptingOptions): Promise<AdoptedHost & { readonly plan: AdoptionPlan }>;
}

interface AdoptingOptions extends Partial<Omit<AdoptOptions, 'config'>> {
  /** Instead of those of the host. */
  readonly sshOptions?: readonly string[];
  /** The machine that it runs on. */
  readonly on?: Host;
  readonly onBytes?: (bytes: number) => void;
}

/** `state`: of a server that runs. */
export function adoptingServer({ state: running }: { readonly state?: string } = {}): AdoptingServer {
  const folder = mkdtempSync(join(tmpdir(), 'statectl-adopting-'));
  const [state, config] = [running ?? join(folder, 'state'), join(folder, 'config.d')];
  mkdirSync(join(state, 'images'), { recursive: true });
  cpSync('config.d', config, { recursive: true });
  async function run<T>(
    host: MainsailHost,
    { sshOptions = host.sshOptions, on = linuxHost(), printers = [], node }: AdoptingOptions,
    use: (adoption: Awaited<ReturnType<typeof planAdoption>>) => Promise<T>,
  ): Promise<T> {
    const sockets = mkdtempSync(join(folder, 's'));
    const target = {
      destination: 'pi@127.0.0.1',
      port: host.port,
      options: ['ConnectTimeout=5', ...sshOptions],
      isBatch: true,
    };
    await using far = await connectFar({ ...on, open: openProgram }, target, sockets);
    const options = { config, printers, ...(node !== undefined && { node }) };
    return await use(await planAdoption(serverState(state, on), on, far, options));
  }
  return {
    ...{ folder, state, config },
    plan: (host, options = {}) => run(host, options, async ({ plan }) => plan),
    adopt: (host, options = {}) =>
      run(host, options, async ({ plan, take }) => ({
        plan,
        ...(await take({ name: 'ada' }, { bytes: options.onBytes ?? (() => {}), alarm: () => {} })),
      })),
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true });
    },
  };
}
