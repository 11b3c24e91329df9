import type { Server } from '../../src/host/memory/http.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { contractShell } from './suite/exec.ts';
import type { World } from './suite.ts';

export function memoryWorld(): World {
  const servers: Record<string, Server> = {};
  const host = memoryHost({
    files: {
      '/dir': { type: 'dir' },
      '/specials/char': { type: 'char', rdev: { major: 1, minor: 3 } },
      '/specials/block': { type: 'block', rdev: { major: 7, minor: 300 } },
      '/specials/fifo': { type: 'fifo' },
      '/specials/socket': { type: 'socket' },
    },
    programs: { sh: contractShell },
    servers,
    capacityBytes: 4_000_000,
  });
  return {
    host,
    dir: '/dir',
    specials: '/specials',
    tooManyBytes: 5_000_000,
    async serve(server) {
      const origin = `http://server${Object.keys(servers).length}.test`;
      servers[origin] = server;
      return origin;
    },
    deadOrigin: 'http://dead.test',
  };
}
