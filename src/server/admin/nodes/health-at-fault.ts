import type { ReportedHealth } from '../../../protocol/report.ts';

const ANSWERS: Readonly<Record<NonNullable<ReportedHealth['answer']>, string>> = {
  reboots: 'it reboots',
  held: 'it reboots when its print, or who else must not be disturbed, is done',
  stays: 'it stays up',
};

/** What an admin should know of a machine whose system did not start well, or does not stay so. Pure. */
export function healthAtFault(health: ReportedHealth | undefined): readonly string[] {
  if (!health || health.state === 'waiting') return [];
  const failing = health.failing.map(({ check, reason }) => `${check}: ${reason}`);
  if (health.state === 'started') return failing.map((text) => `its system started well, and does no more: ${text}`);
  const answer = health.answer ? `; ${ANSWERS[health.answer]}` : '';
  return [`its system did not start well: ${failing[0] ?? 'it is good by now'}${answer}`];
}
