import { createPrivateKey, X509Certificate } from 'node:crypto';
import { reasonOf } from '../../error.ts';
import type { Files } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Asked } from '../../identity/machine/ask-servers.ts';
import { bootHome, identityFiles } from '../../identity/machine/identity-files.ts';
import { hostKeyFiles } from '../../identity/machine/ssh-host-key.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { IDENTITY, type IdentityState, planEnrolment, readIdentityState } from '../../machine/identity/identity.ts';
import { RUN } from '../../machine/paths.ts';
import type { StepOf } from '../../machine/steps/step.ts';
import { identityPart } from '../../on-demand.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import type { AgentHost, Renewed } from '../agent.ts';
import { readFacts } from '../apply/boot-facts.ts';
import { factsInForce } from '../refresh.ts';
import { askAgainMs, dueAtMs, nextLookMs, retryAtMs } from './renewal-time.ts';
import { takeIdentity, tellServices } from './take-identity.ts';

/** What the agent asked for last; `begun` while it is being put in place, so that one that is killed asks again. */
interface Renewal {
  readonly wish?: string;
  readonly begun?: true;
  /** Services that do not know of the certificate yet: they would have been disturbed. */
  readonly untold?: readonly string[];
}

const RENEWAL = `${RUN}/renewal.json`;

/**
 * Keeps what proves who this machine is: asks for a new certificate when a third of its life is gone, with the present one, and for
 * what config.d gives it since. Says when to come again. A machine that is refused goes on with what it has in RAM.
 */
export async function renew(host: AgentHost, servers: readonly string[], signal: AbortSignal): Promise<Renewed> {
  const { clock } = host;
  const random = () => clock.random();
  const nowMs = clock.now();
  try {
    const booted = await readFacts(host);
    const warnings: string[] = [];
    const context: TaskContext = { signal, say: () => {}, warn: (text) => void warnings.push(text) };
    const facts = await factsInForce(host, booted, context);
    const state = await readIdentityState(host.files);
    const enrol = enrolmentOf(facts, servers, state);
    const laterMs = nextLookMs(nowMs, Number.POSITIVE_INFINITY, random);
    const certificatePem = await host.files.readText(`${IDENTITY}/cert.pem`).catch(() => undefined);
    const asItIs = certificatePem === undefined ? 'none' : 'current';
    if (!enrol) return { state: asItIs, nextAtMs: laterMs, reason: 'config.d gives it nothing to prove itself for' };
    if (!state) return { state: asItIs, nextAtMs: laterMs, reason: 'it proves who it is at the next boot' };
    const life = certificatePem === undefined ? undefined : lifeOf(certificatePem);
    const dueMs = life ? dueAtMs(life.endsMs, facts.config.identity.certificate.lifetimeMs) : nowMs;
    const wish = wishOf(facts);
    const before = await tellUntold(host, booted, await readRenewal(host.files, wishOf(booted)));
    const isNews = before.begun || before.wish !== wish || state.state !== 'approved';
    // Before the certificate begins the clock is wrong, and says nothing of when it ends.
    const isEarly = life !== undefined && nowMs < life.beginsMs;
    if (!isNews && (isEarly || nowMs < dueMs))
      return {
        state: 'current',
        nextAtMs: isEarly ? laterMs : nextLookMs(nowMs, dueMs, random),
        ...(isEarly && {
          reason: `the clock says ${dateOf(nowMs)}, and the certificate begins ${dateOf(life.beginsMs)}`,
        }),
        ...(before.untold && { reason: untoldText(before.untold) }),
      };
    warnings.length = 0;
    const asked = await ask(host, enrol, certificatePem, context);
    if (!asked)
      return {
        state: 'unreachable',
        nextAtMs: retryAtMs(nowMs, life?.endsMs, random),
        reason: warnings.join('; ') || 'no server to ask',
      };
    if (asked.answer.state !== 'approved') {
      const reason = await refused(host, enrol.home, state, asked.answer);
      return { state: 'refused', nextAtMs: askAgainMs(nowMs, asked.answer.state, random), reason };
    }
    await writeRenewal(host.files, { ...before, begun: true });
    const { endsMs, untold } = await takeIdentity(host, { booted, facts, enrol, state, context }, asked, asked.answer);
    // Without the secrets it is asked again.
    await writeRenewal(host.files, { ...(asked.secrets && { wish }), ...(untold.length > 0 && { untold }) });
    if (untold.length > 0) warnings.push(untoldText(untold));
    for (const text of warnings) host.console.line('warning', text);
    const againMs = dueAtMs(endsMs, facts.config.identity.certificate.lifetimeMs);
    if (againMs <= nowMs)
      warnings.push(
        `the clock says ${dateOf(nowMs)}, and the new certificate ends ${dateOf(endsMs)}: one of them is wrong`,
      );
    return {
      state: 'renewed',
      nextAtMs: asked.secrets && againMs > nowMs ? nextLookMs(nowMs, againMs, random) : laterMs,
      ...(warnings.length > 0 && { reason: warnings.join('; ') }),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { state: 'unreachable', nextAtMs: retryAtMs(nowMs, undefined, random), reason: reasonOf(error) };
  }
}

const untoldText = (services: readonly string[]): string =>
  `${services.join(', ')} will read the new certificate when no lock stands (statectl lock list)`;

/** Those that waited for a print. Who was killed before it was written tells them once more. */
async function tellUntold(host: AgentHost, booted: Facts, before: Renewal): Promise<Renewal> {
  if (!before.untold) return before;
  const warn = (text: string) => host.console.line('warning', text);
  const left = await tellServices(host, booted, before.untold, warn);
  const { untold: _, ...told } = before;
  const now: Renewal = left.length > 0 ? { ...told, untold: left } : told;
  if (left.length === 0) await writeRenewal(host.files, now);
  return now;
}

/** As the boot asked, of these servers; with a key of this boot alone, what is kept stays as it is. */
function enrolmentOf(
  facts: Facts,
  servers: readonly string[],
  state: IdentityState | undefined,
): StepOf<'enrol'> | undefined {
  const step = planEnrolment(facts).find(({ kind }) => kind === 'enrol') as StepOf<'enrol'> | undefined;
  if (!step) return undefined;
  const urls = servers.filter((url) => URL.canParse('/', url));
  const home = step.isKept && state?.key === 'ram' ? bootHome(step.to) : step.home;
  return { ...step, urls, home, isNeeded: true };
}

async function ask(
  host: AgentHost,
  enrol: StepOf<'enrol'>,
  certificatePem: string | undefined,
  context: TaskContext,
): Promise<Asked | undefined> {
  const { askInTurn } = await identityPart();
  const read = (name: string) => host.files.readText(`${IDENTITY}/${name}`);
  // The key that services use: with another one its certificate would be of no use to them.
  const key = createPrivateKey(await read('key.pem'));
  const caPem = await read('ca.pem').catch(() => undefined);
  const canTrust = caPem !== undefined || enrol.authorities.length > 0;
  return canTrust ? await askInTurn(enrol, host, context, { key, caPem, certificatePem }) : undefined;
}

/** Says so, and lets no later boot live from what was kept; what runs keeps what it has. */
async function refused(
  { files, console }: AgentHost,
  home: string,
  before: IdentityState,
  answer: { readonly state: 'pending' | 'denied'; readonly fingerprint?: string | undefined },
): Promise<string> {
  const { state, fingerprint = before.fingerprint } = answer;
  const kept = identityFiles(home);
  if (state === 'denied')
    for (const path of [kept.certificate, kept.secrets, hostKeyFiles(home).certificate]) await files.remove(path);
  const reason =
    state === 'denied'
      ? `the server refuses this machine: its key ${fingerprint} was denied or revoked; it goes on with what it has`
      : `this machine waits to be approved: statectl node approve ${fingerprint}`;
  if (before.state !== state) {
    console.line('warning', reason);
    await files.write(`${IDENTITY}/state.json`, JSON.stringify({ ...before, state }), { mode: 0o600 });
  }
  return reason;
}

const lifeOf = (pem: string): { readonly beginsMs: number; readonly endsMs: number } => {
  const { validFromDate, validToDate } = new X509Certificate(pem);
  return { beginsMs: validFromDate.getTime(), endsMs: validToDate.getTime() };
};

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** What the server is asked for: when it changes, it is asked again. */
function wishOf({ config: { identity, users, ssh } }: Facts): string {
  const passwords = Object.entries(users.users).map(([name, { password }]) => [name, password ?? '']);
  const { names, secrets } = identity;
  return sha256Of(JSON.stringify({ names, secrets, passwords, hostCertificate: ssh.hostCertificate }));
}

/** Without a record the boot asked, with the settings of then; one that is torn was being written. */
async function readRenewal(files: Pick<Files, 'readText'>, booted: string): Promise<Renewal> {
  const text = await files.readText(RENEWAL).catch(() => undefined);
  return text === undefined ? { wish: booted } : (recordOrNone<Renewal>(text, {}) ?? { begun: true });
}

const writeRenewal = (files: Pick<Files, 'write'>, renewal: Renewal): Promise<void> =>
  files.write(RENEWAL, JSON.stringify(renewal));
