import type { Files, Host } from './host.ts';
import { parseHttpUrl, shownUrl } from './http-error.ts';
import { shellLine, shellQuote } from './shell-line.ts';

/** More than this is named by its size: nobody reads or types it. */
const LONGEST_SHOWN_BYTES = 4096;

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes) && !bytes.includes(0);

/** The shell's way to put these bytes into a file; private ones, and long ones, are only counted. */
function writing(data: string | Uint8Array, redirect: '>' | '>>', path: string, mode?: number): string {
  const bytes = Buffer.from(data);
  const to = `${redirect} ${shellQuote(path)}`;
  const isPrivate = mode !== undefined && (mode & 0o077) === 0;
  if (isPrivate || bytes.length > LONGEST_SHOWN_BYTES)
    return `cat ${to}  # ${bytes.length} bytes${isPrivate ? ', private' : ''}`;
  return isText(bytes)
    ? `printf %s ${shellQuote(bytes.toString('utf8'))} ${to}`
    : `echo ${bytes.toString('base64')} | base64 -d ${to}`;
}

function dryFiles(files: Files, print: (line: string) => void): Files {
  const mode = (bits: number | undefined) => (bits === undefined ? [] : ['-m', octal(bits)]);
  return {
    ...files,
    async write(path, data, options) {
      print(writing(data, '>', path, options?.mode));
      if (options?.mode !== undefined) print(shellLine(['chmod', octal(options.mode), path]));
    },
    append: async (path, data) => print(writing(data, '>>', path)),
    mkdir: async (path, bits) => print(shellLine(['mkdir', '-p', ...mode(bits), path])),
    symlink: async (target, path) => print(shellLine(['ln', '-s', target, path])),
    rename: async (from, to) => print(shellLine(['mv', '-T', from, to])),
    remove: async (path) => print(shellLine(['rm', '-rf', path])),
    chmod: async (path, bits) => print(shellLine(['chmod', octal(bits), path])),
    async appendStream(path) {
      let bytes: number | undefined = 0;
      const close = async () => {
        if (bytes !== undefined) print(`cat >> ${shellQuote(path)}  # ${bytes} bytes`);
        bytes = undefined;
      };
      return {
        async write(chunk) {
          bytes = (bytes ?? 0) + chunk.length;
        },
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
}

/** Nothing came back. */
async function* nothing(): AsyncGenerator<Uint8Array> {}

/**
 * Reads pass through to the host; every effect is printed as the shell command it stands for, and not done, so that later
 * reads see no change. Programs count as effects and seem to succeed without a word, unless `onlyLooks` says that this one
 * changes nothing: then it runs.
 */
export const dryRunHost = (
  host: Host,
  print: (line: string) => void,
  onlyLooks: (argv: readonly string[]) => boolean = () => false,
): Host => ({
  ...host,
  files: dryFiles(host.files, print),
  exec: {
    async run(argv, options = {}) {
      if (onlyLooks(argv)) return await host.exec.run(argv, options);
      const { input, env = {}, cwd } = options;
      const words = Object.entries(env).map(([name, value]) => `${name}=${shellQuote(value)} `);
      const folder = cwd === undefined ? '' : `cd ${shellQuote(cwd)} && `;
      // What goes to a program may be a key or a password, so only its size is told.
      const from = input === undefined ? '' : `  # ${Buffer.byteLength(input)} bytes to its standard input`;
      print(`${folder}${words.join('')}${shellLine(argv)}${from}`);
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  },
  http: {
    async request(url, request) {
      if (request?.method !== 'POST') return await host.http.request(url, request);
      print(
        `${shellLine(['curl', '--data-binary', '@-', shownUrl(parseHttpUrl(url))])}  # ${Buffer.byteLength(request.body ?? '')} bytes`,
      );
      return { status: 204, headers: {}, body: nothing() };
    },
  },
});
