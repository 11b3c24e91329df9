import { readBody } from '../../../host/http/read-body.ts';
import { readAnswer } from '../../../protocol/read-answer.ts';
import {
  CONFIG_TYPE,
  type ConfigChanges,
  ConfigFiles,
  ConfigHead,
  ConfigTaken,
  LARGEST_CONFIG_BODY_BYTES,
} from '../../../protocol/state/config-files.ts';
import { type Standing, standingHeaders } from '../../../protocol/state/state.ts';
import { type AskState, statePath } from '../ask-state.ts';
import type { LocalChange } from './local-config.ts';

/** Whose config it is, and who is asked about it. */
export interface ConfigAsk {
  readonly ask: AskState;
  readonly printer: string;
  readonly item: string;
  readonly signal?: AbortSignal;
}

const SHORT_BYTES = 1 << 20;
const SERVER = 'the server';

const bounded = ({ signal }: ConfigAsk) => ({ ...(signal && { signal }) });

/** Throws what `ask` throws, and `http-answer`. */
export async function sendConfig(
  to: ConfigAsk,
  standing: Standing,
  base: string | null,
  changes: readonly LocalChange[],
): Promise<ConfigTaken> {
  const said: ConfigChanges = {
    base,
    files: changes.map(({ path, bytes, mtimeMs }) => ({ path, content: bytes?.toString('base64') ?? null, mtimeMs })),
  };
  const { body } = await to.ask(statePath(to.printer, to.item, 'config'), {
    method: 'POST',
    headers: { 'content-type': CONFIG_TYPE, ...standingHeaders(standing) },
    body: JSON.stringify(said),
    ...bounded(to),
  });
  return readAnswer(SERVER, await readBody(body, SHORT_BYTES), ConfigTaken);
}

/** What the line has that `since` has not; all of it without. Throws the same. */
export async function fetchConfig(from: ConfigAsk, since: string | null): Promise<ConfigFiles> {
  const query = since === null ? '' : `?since=${since}`;
  const { body } = await from.ask(`${statePath(from.printer, from.item, 'config')}${query}`, bounded(from));
  return readAnswer(SERVER, await readBody(body, LARGEST_CONFIG_BODY_BYTES), ConfigFiles);
}

/** What the line is by now; null: nothing yet. Throws the same. */
export async function currentConfig(from: ConfigAsk): Promise<string | null> {
  const { body } = await from.ask(statePath(from.printer, from.item, 'config', 'head'), bounded(from));
  return readAnswer(SERVER, await readBody(body, SHORT_BYTES), ConfigHead).id;
}
