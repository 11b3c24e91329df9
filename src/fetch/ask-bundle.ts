import type { BootContext } from '../boot/phase.ts';
import type { StepOf } from '../boot/step.ts';
import { bundleAnswer } from '../boot/step-commands.ts';
import { LARGEST_BUNDLE_BYTES } from '../bundle/archive.ts';
import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import { withDeadline } from '../host/deadline.ts';
import type { Host } from '../host/host.ts';
import { retry } from '../host/retry.ts';
import { detailOf } from './offer.ts';

/** What a server said when it was asked for the bundle: `answers.json` beside the bundles that came, in order. */
export type BundleAnswer =
  | { readonly url: string; readonly status: number; readonly detail: string }
  | { readonly url: string; readonly failure: string };

/** An answer, although a useless one: asking again would bring as much again. */
const TOO_LARGE = 413;

export const answersPath = (folder: string): string => `${folder}/answers.json`;

/** Asks all servers at once, again while every one is silent, and leaves what they say for the boot to judge. */
export async function askForBundle(
  step: StepOf<'ask-bundle'>,
  host: Pick<Host, 'files' | 'http' | 'clock'>,
  boot: BootContext,
): Promise<void> {
  const { files, clock } = host;
  await files.remove(step.to);
  await files.mkdir(step.to, 0o700);
  const answers: BundleAnswer[] = step.urls.map((url) => ({ url, failure: `${url} did not answer in time` }));
  const ask = async (signal: AbortSignal) => {
    await Promise.all(
      step.urls.map(async (url, at) => {
        answers[at] = await askOne(step, url, at, host, signal);
      }),
    );
    const [first] = answers;
    if (first && 'failure' in first && answers.every((answer) => 'failure' in answer))
      throw new StatectlError('servers-silent', first.failure);
  };
  const late = new StatectlError('servers-silent', `no server answered in ${step.seconds} s`);
  const limit = { ms: (step.seconds ?? Number.POSITIVE_INFINITY) * 1000, error: late, signal: boot.signal };
  const { tries } = step.limits;
  try {
    await withDeadline(clock, limit, (signal) =>
      retry(
        clock,
        {
          tries,
          baseMs: 500,
          maxMs: 15_000,
          signal,
          onRetry: ({ attempt, of, waitMs, error }) =>
            boot.warn(`${reasonOf(error)}; try ${attempt + 1} of ${of} in ${(waitMs / 1000).toFixed(1)} s`),
        },
        () => ask(signal),
      ),
    );
  } catch (error) {
    if (boot.signal.aborted || !isStatectlError(error) || error.code !== 'servers-silent') throw error;
  }
  await files.write(answersPath(step.to), JSON.stringify(answers));
}

async function askOne(
  { known, to, limits }: StepOf<'ask-bundle'>,
  url: string,
  at: number,
  { files, http }: Pick<Host, 'files' | 'http'>,
  signal: AbortSignal,
): Promise<BundleAnswer> {
  let status: number;
  let body: Buffer;
  try {
    const response = await http.request(url, {
      signal,
      headers: known ? { 'if-none-match': `"${known}"` } : {},
      connectTimeoutMs: limits.connectMs,
      idleTimeoutMs: limits.stallMs,
    });
    ({ status } = response);
    body = await bodyOf(response.body);
  } catch (error) {
    signal.throwIfAborted();
    if (isStatectlError(error) && error.code === 'bundle-too-large')
      return { url, status: TOO_LARGE, detail: `: ${error.message}` };
    return { url, failure: reasonOf(error) };
  }
  if (status === 200) await files.write(bundleAnswer(to, at), body, { mode: 0o600 });
  return { url, status, detail: status === 200 ? '' : detailOf(body) };
}

async function bodyOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const body: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > LARGEST_BUNDLE_BYTES)
      throw new StatectlError('bundle-too-large', `it sends more than the ${LARGEST_BUNDLE_BYTES} bytes of a bundle`);
    body.push(chunk);
  }
  return Buffer.concat(body);
}
