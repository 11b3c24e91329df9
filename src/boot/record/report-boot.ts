import { machineClaims } from '../../fetch/machine-claims.ts';
import type { Host } from '../../host/host.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { chooseSource } from '../../machine/places/source.ts';

/** A boot that is over does not wait for a server that has gone meanwhile. */
const LONGEST_MS = 1500;

/** Tells the server what this machine boots, so that it shows and keeps that image. Nothing is sent when none answered. */
export async function reportBoot({ http, clock }: Pick<Host, 'http' | 'clock'>, facts: Facts): Promise<void> {
  const {
    machine,
    bundle: { inForce: bundle },
  } = facts;
  const server = facts.root.offer?.server ?? bundle?.server;
  if (server === undefined) return;
  const source = chooseSource(facts);
  const image = facts.config.boot.root || source.kind === 'partition' ? undefined : source.manifest;
  const report = {
    ...machineClaims(facts),
    ...(image && { image: image.name, version: image.version }),
    kernelRelease: machine.kernelRelease,
    bootMs: Math.round(clock.uptimeMs()),
    config: {
      digest: machine.configDigest,
      origin: machine.configOrigin,
      node: bundle?.node,
      epoch: bundle?.epoch,
      sequence: bundle?.sequence,
    },
  };
  const limits = { connectTimeoutMs: LONGEST_MS, idleTimeoutMs: LONGEST_MS };
  const headers = { 'content-type': 'application/json' };
  const { body } = await http.request(new URL('/v1/reports', server).href, {
    method: 'POST',
    headers,
    body: JSON.stringify(report),
    ...limits,
  });
  for await (const _ of body) break;
}
