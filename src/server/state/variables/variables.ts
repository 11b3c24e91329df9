import { StatectlError } from '../../../error.ts';
import type { ShipAnswer, Standing } from '../../../protocol/state/state.ts';
import { checkLiteral } from '../../../protocol/variables/python-literal.ts';
import { LiteralError } from '../../../protocol/variables/python-tokens.ts';
import type { VariablesHead, VariablesShipment } from '../../../protocol/variables/shipment.ts';
import { literalsOf, readVariables, type Variables } from '../../../protocol/variables/variables-file.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import { type Asker, mustBeTrusted } from '../asker.ts';
import type { StateKind, StateStore } from '../kind.ts';
import { mayShip } from '../may-ship.ts';
import { diskFull, LEAST_FREE, namingFullDisk } from '../snapshot/receive.ts';
import { type Place, standingOf } from '../standing.ts';
import { branchesIn, itemUnknown, LINE, lockPrinter } from '../state-folder.ts';
import { changesBetween, lackingOf } from './history.ts';
import { type KeptVariables, variablesHistory, variablesId } from './kept-variables.ts';
import { variablesKind } from './variables-kind.ts';

export interface SavedVariables extends StateKind {
  /** The file of the line. Throws `printer-unknown`, `item-unknown`, `state-untrusted`, `generation-unknown`. */
  find(printer: string, item: string, asker: Asker): Promise<Pick<KeptVariables, 'id' | 'sha256' | 'text'>>;
  /** Throws `printer-unknown`, `item-unknown`, `variables-damaged`, `variables-empty`, `state-full`. */
  ship(
    printer: string,
    item: string,
    shipment: VariablesShipment,
    standing: Standing,
    asker: Asker,
  ): Promise<ShipAnswer>;
}

/** Of the quota, for what branches have of one file. */
const BRANCHES_SHARE = 1 / 4;
/** Of what the line lacks, in an answer; `printer branches` tells all. */
const MOST_TOLD = 50;

/** Class `variables`: the file that Klipper's save_variables writes, whole, and the values that each variable had. */
export function savedVariables(store: StateStore): SavedVariables {
  /** Tells of what the disk damaged. */
  async function lastOf(printer: string, item: string): Promise<KeptVariables | undefined> {
    const history = variablesHistory(store, printer, LINE, item);
    const found = await history.last();
    if (found?.isMended)
      store.alarm(
        `${history.folder}/last.json is damaged: what ${printer} gets is made of before.json and the journal`,
      );
    return found?.kept;
  }

  /** What was sent last of all goes first, of other branches; nothing of those for whom the network alone speaks. Throws `state-full`. */
  async function branchRoom(
    printer: string,
    item: string,
    { branch }: Place & { on: 'branch' },
    asker: Asker,
    most: number,
  ) {
    const others: {
      readonly branch: string;
      readonly bytes: number;
      readonly atMs: number;
      readonly folder: string;
    }[] = [];
    for (const name of await branchesIn(store, printer)) {
      const history = variablesHistory(store, printer, { part: 'branch', branch: name }, item);
      const kept = name === branch ? undefined : (await history.last())?.kept;
      if (kept)
        others.push({ branch: name, bytes: await history.bytes(), atMs: kept.receivedAtMs, folder: history.folder });
    }
    let bytes = others.reduce((sum, one) => sum + one.bytes, 0);
    for (const old of others.toSorted((a, b) => a.atMs - b.atMs)) {
      if (bytes <= most) return;
      if (asker.proof === 'network') throw full(printer);
      store.alarm(`${printer} has its share of branches: what ${old.branch} has of ${item} went to make room`);
      await store.host.files.remove(old.folder);
      bytes -= old.bytes;
    }
  }

  async function keep(
    printer: string,
    item: string,
    { seq, changes, text }: VariablesShipment,
    standing: Standing,
    asker: Asker,
    { variables, quotaBytes }: { readonly variables: Variables; readonly quotaBytes: number },
  ): Promise<ShipAnswer> {
    const { node, proof } = asker;
    const line = (await variablesHistory(store, printer, LINE, item).last())?.kept;
    const place = await standingOf(store, printer, item, standing, asker, { newest: line });
    const history = variablesHistory(store, printer, place.where, item);
    const last = place.on === 'line' ? line : (await history.last())?.kept;
    const changed = [...new Set([...(last?.changed ?? []), ...changes.map(({ key }) => key)])].filter((key) =>
      variables.literals.has(key),
    );
    const answer = (id: string): ShipAnswer => {
      if (place.on === 'line') return { on: 'line', id };
      const { branch, why } = place;
      const lacking = lackingOf(literalsOf(line?.text), variables.literals, changed).slice(0, MOST_TOLD);
      return { on: 'branch', id, branch, why, lacking };
    };
    const isSameBoot = last?.boot === standing.boot && last.node === node;
    // Its answer was lost on the way, so it came again.
    if (last && isSameBoot && seq <= last.seq && last.lease === standing.lease) return answer(last.id);
    const before = literalsOf(last?.text);
    if (variables.literals.size === 0 && before.size > 0)
      throw new StatectlError(
        'variables-empty',
        `there is nothing in it, and ${printer} has ${before.size} variables`,
        {
          hint: 'the next boot gets them back; remove them one by one with Klipper stopped, if that is meant',
        },
      );
    const nowMs = store.host.clock.now();
    const told = isSameBoot ? changes.filter((one) => one.seq > (last?.seq ?? 0)) : changes;
    const news = changesBetween(before, variables.literals, told, { seq, atMs: nowMs });
    if (last && news.length === 0 && last.text === text) return answer(last.id);
    if (Buffer.byteLength(text) > quotaBytes) throw full(printer);
    if (place.on === 'branch' && !last) await branchRoom(printer, item, place, asker, quotaBytes * BRANCHES_SHARE);
    const number = (last?.number ?? 0) + 1;
    const { lease, boot, base } = standing;
    const id = variablesId(number, nowMs);
    await history.place(
      {
        ...{ number, id, node, proof, lease, boot, base, seq, receivedAtMs: nowMs, sha256: sha256Of(text), text },
        ...(place.on === 'branch' && { changed }),
      },
      news.map((one) => ({ ...one, number, node, boot, receivedAtMs: nowMs })),
      quotaBytes,
    );
    return answer(id);
  }

  return {
    ...variablesKind(store),

    async head(printer, item) {
      const kept = await lastOf(printer, item);
      if (!kept) return null;
      const { id, sha256, text, boot, seq } = kept;
      return { id, sha256, sizeBytes: Buffer.byteLength(text), boot, seq } satisfies VariablesHead;
    },

    async find(printer, item, asker) {
      const has = mustBeTrusted(printer, asker);
      if (!has.items.some(({ name, kind }) => name === item && kind === 'variables')) throw itemUnknown();
      const kept = (await variablesHistory(store, printer, LINE, item).last())?.kept;
      if (kept) return kept;
      throw new StatectlError('generation-unknown', `the line of ${printer} has no ${item} yet`);
    },

    async ship(printer, item, shipment, standing, asker) {
      const { quotaBytes } = await mayShip(store, printer, { name: item, kind: 'variables' }, standing, asker);
      if ((await store.free()) < LEAST_FREE) throw diskFull();
      const variables = readVariables(Buffer.from(shipment.text), item);
      for (const { key, literal } of shipment.changes) if (literal !== null) mustBeLiteral(key, literal);
      try {
        await using _lock = await lockPrinter(store, printer);
        return await keep(printer, item, shipment, standing, asker, { variables, quotaBytes });
      } catch (error) {
        throw namingFullDisk(error);
      }
    },
  };
}

/** Throws `variables-damaged`. */
function mustBeLiteral(key: string, literal: string): void {
  try {
    // What leads to another variable is looked at in the file, where that is.
    if (!literal.includes('%(')) checkLiteral(literal);
  } catch (error) {
    if (!(error instanceof LiteralError)) throw error;
    throw new StatectlError('variables-damaged', `${key}: ${error.message}`);
  }
}

const full = (printer: string): StatectlError =>
  new StatectlError('state-full', `${printer} has as much as its quota lets it have`, {
    hint: `\`statectl printer drop ${printer} BRANCH\` makes room, or a larger quota in system/state.conf`,
  });
