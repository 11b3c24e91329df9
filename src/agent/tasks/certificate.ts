import { keepRenewed } from '../identity/keep-renewed.ts';
import { type AgentTask, shownTime } from './task.ts';

/** The machine's certificates and secrets, renewed before they end. */
export const certificate: AgentTask = {
  name: 'certificate',

  run({ host, file, bells, reports, servers, renew }, signal) {
    return keepRenewed(
      {
        clock: host.clock,
        bell: bells.certificate,
        renew: () => renew(host, servers(), signal),
        async renewed(result) {
          const was = file.state.renewed;
          await file.change({ renewed: { ...result, atMs: host.clock.now() } });
          if (result.state === 'renewed') bells.events.ring();
          if (result.state === 'renewed' || (result.state === 'refused' && was?.state !== 'refused'))
            reports.tell('certificate', { ...result });
        },
      },
      signal,
    );
  },

  status({ renewed }) {
    if (!renewed) return [];
    const { state, nextAtMs, reason } = renewed;
    const why = reason ? ` (${reason})` : '';
    return [['certificate', `${state}${why}; looked at again ${shownTime(nextAtMs)}`]];
  },
};
