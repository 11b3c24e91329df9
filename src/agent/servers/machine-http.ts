import type { Facts } from '../../machine/facts/facts.ts';
import { CREDENTIALS } from '../../machine/identity/credentials.ts';
import { serverHttp } from '../../machine/identity/server-http.ts';
import type { AgentHost } from '../agent.ts';
import type { SettingsInForce } from './server-settings.ts';

/**
 * The host, whose https requests to servers are those of the boot (`server-http.ts`): held to the authorities that config.d
 * names by now, and with `authentication: mtls` in the name of this machine.
 */
export function withMachineHttp(host: AgentHost, facts: Facts, settings: () => SettingsInForce): AgentHost {
  const httpOf = serverHttp(host, CREDENTIALS);
  const warn = (text: string) => host.console.line('warning', text);
  return {
    ...host,
    http: {
      request(address, request) {
        const { server, all } = settings();
        const config = { ...facts.config, server: { ...server, servers: all } };
        return httpOf({ ...facts, config }, warn).request(address, request);
      },
    },
  };
}
