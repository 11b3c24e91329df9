import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { Claims } from '../protocol/claims.ts';
import { unpackMembers } from '../signed/bundle/archive.ts';
import { MACHINE_CLAIMS, sha256Of } from '../signed/bundle/manifest.ts';
import { compareBundles, writeNumber } from '../signed/bundle/order.ts';
import { type Bundle, verifyBundle } from '../signed/bundle/verify.ts';
import { bundleAnswer, readBundleAnswers } from './ask-bundle.ts';
import type { AskingMachine } from './asking-machine.ts';
import type { BundleFacts, NewBundle } from './kept-bundle.ts';
import { machineClaims } from './machine-claims.ts';

interface Report {
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
}

interface Judged {
  /** In force: the kept one, or undefined. */
  readonly bundle?: BundleFacts | undefined;
  /** What a server sent that is newer. */
  readonly newBundle?: NewBundle | undefined;
  /** No server so much as answered. */
  readonly serversSilent: boolean;
}

interface Candidate extends NewBundle {
  readonly bundle: Bundle;
}

/**
 * Judges what servers answered: the newest bundle that is verified, meant for this machine and newer than the kept one.
 * Whatever else came is told, and changes nothing. `check` throws for a bundle that this machine cannot use.
 */
export async function chooseBundle(
  { files }: Pick<Host, 'files'>,
  folder: string,
  facts: AskingMachine & { readonly bundle: { readonly inForce?: BundleFacts } },
  { say, warn }: Report,
  check: (bundle: Bundle) => Promise<unknown>,
): Promise<Judged> {
  const kept = facts.bundle.inForce;
  const goesOn = kept ? `going on with bundle ${writeNumber(kept)}, kept at an earlier boot` : 'going on without one';
  const answers = await readBundleAnswers({ files }, folder);
  let current: BundleFacts | undefined;
  const candidates: Candidate[] = [];
  const troubles: string[] = [];
  for (const [at, answer] of answers.entries()) {
    const server = new URL(answer.url).origin;
    if ('failure' in answer) troubles.push(answer.failure);
    else if (answer.status === 304 && kept) current ??= { ...kept, server };
    // A server without config.d is no trouble to a machine that never had a bundle.
    else if (answer.status === 404 && !kept) say(`${server} has no settings for machines${answer.detail}`);
    else if (answer.status !== 200) troubles.push(`${server} gives no bundle (${answer.status})${answer.detail}`);
    else {
      const archive = bundleAnswer(folder, at);
      try {
        const bytes = await files.read(archive);
        const bundle = verifyBundle(unpackMembers(bytes), facts.machine.trustedKeys);
        refuseForeign(bundle, machineClaims(facts));
        await check(bundle);
        candidates.push({ server, archive, sha256: sha256Of(bytes), digest: bundle.digest, bundle });
      } catch (error) {
        troubles.push(`the bundle of ${server} is refused: ${reasonOf(error)}`);
      }
    }
  }
  const [best] = candidates.toSorted((a, b) => compareBundles(numberOf(b.bundle), numberOf(a.bundle)));
  const serversSilent = answers.every((answer) => 'failure' in answer);
  if (best && kept?.digest === best.digest) current ??= { ...kept, server: best.server };
  else if (best && (!kept || compareBundles(numberOf(best.bundle), kept) > 0)) {
    for (const text of troubles) warn(text);
    const { server, archive, sha256, digest } = best;
    return { newBundle: { server, archive, sha256, digest }, serversSilent };
  } else if (best && kept)
    troubles.push(
      `the bundle of ${best.server} is refused: it is ${writeNumber(best.bundle.manifest)}, older than ${writeNumber(kept)}, which this machine has. Was the server restored from a copy? \`statectl config epoch --raise\` there`,
    );
  for (const text of troubles) warn(current ? text : `${text}; ${goesOn}`);
  return { bundle: current ?? kept, newBundle: undefined, serversSilent };
}

const numberOf = ({ notBeforeMs, manifest: { epoch, sequence } }: Bundle) => ({ notBeforeMs, epoch, sequence });

/** Else whoever is on the network could give this machine the settings of another, signed as they are. */
function refuseForeign({ manifest: { machine } }: Bundle, claims: Claims): void {
  const differs = MACHINE_CLAIMS.find(
    // A server of an earlier version knows machines by the card that they boot from alone.
    (key) => machine[key] !== claims[key] && !(key === 'macs' && machine.macs === undefined),
  );
  if (differs === undefined) return;
  throw new StatectlError(
    'bundle-foreign',
    `it is for a machine with ${differs} ${machine[differs] ?? 'unknown'}, this one has ${claims[differs] ?? 'none'}`,
  );
}
