import { shownTime } from '../tasks/task.ts';
import type { CheckStatus, GateAnswer, HealthStatus } from './health-status.ts';

/** For `statectl status`: how the start of the system went, then each check that is not good. Pure. */
export function healthText({ gate, atMs, checks, answer }: HealthStatus): readonly (readonly [string, string])[] {
  const required = checks.filter(({ need }) => need === 'required');
  return [
    ['health', `${stateText(gate, atMs, required)}${answer ? `; ${answerText(answer)}` : ''}`],
    ...checks
      .filter(({ why, note }) => why !== undefined || note !== undefined)
      .map(({ name, need, why, note, sinceMs }) => {
        const text = why === undefined ? note : `${need === 'wanted' ? 'not as wanted' : 'NOT GOOD'}: ${why}`;
        return [`  ${name}`, `${text}, since ${shownTime(sinceMs)}`] as const;
      }),
  ];
}

function stateText(gate: HealthStatus['gate'], atMs: number, required: readonly CheckStatus[]): string {
  const bad = required.filter(({ why }) => why !== undefined).length;
  const counted = `${required.length - bad} of ${required.length} checks are good`;
  switch (gate.state) {
    case 'started':
      return `PASSED ${shownTime(atMs)}${bad === 0 ? '' : `, and since then ${counted}`}`;
    case 'failed':
      return `FAILED ${shownTime(atMs)} by ${gate.failed?.check}: ${gate.failed?.reason}`;
    case 'waiting':
      return `looked at: ${counted}${bad === 0 ? ', and have to stay so' : ''}`;
  }
}

function answerText(answer: GateAnswer): string {
  switch (answer.kind) {
    case 'reboots':
      return 'the machine reboots';
    case 'held':
      return `the machine reboots when this is over: ${answer.by.join(', ')}`;
    case 'stays':
      return `the machine stays up: ${answer.why}`;
  }
}
