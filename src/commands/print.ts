import { printable, printableJson, printableLine } from '../printable.ts';

/*
 * The one place where verbs write to a person: what others wrote (claims of machines, names of files, settings) passes for no line of
 * ours and moves no cursor. A test sees to it that no verb writes past it.
 */

const inOneLine = (text: string): string => text.split('\t').map(printableLine).join('\t');

/** One sentence, as one line. */
export const printLine = (text: string): void => void process.stdout.write(`${inOneLine(text)}\n`);

/** Whole lines of ours, such as a table: each of their parts is a line's already. */
export const print = (text: string): void => void process.stdout.write(printable(text));

export const printJson = (value: unknown): void => void process.stdout.write(`${printableJson(value, 2)}\n`);

/** What is meant for a file or a program, byte by byte; a terminal gets it printable. */
export const printContent = (content: string | Uint8Array): void =>
  void process.stdout.write(process.stdout.isTTY ? printable(Buffer.from(content).toString('utf8')) : content);

/** One sentence beside the answer, on stderr. */
export const remark = (text: string): void => void process.stderr.write(`${inOneLine(text)}\n`);

/** What an operator reads of an error: what and why, then what to do. Lines after the first are indented. */
export const errorText = ({
  message,
  hint,
}: {
  readonly message: string;
  readonly hint?: string | undefined;
}): string => `statectl: ${printable(message, '  ')}\n${hint ? `→ ${printable(hint, '  ')}\n` : ''}`;
