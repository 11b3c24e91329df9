import type { z } from 'zod';
import { EnrolRequest, HostKeyRequest } from '../../src/protocol/enrolment.ts';
import { Report } from '../../src/protocol/report.ts';
import { MirrorChanges } from '../../src/protocol/state/mirror.ts';
import { LeaseRequest } from '../../src/protocol/state/state.ts';
import { VariablesShipment } from '../../src/protocol/variables/shipment.ts';
import type { ANSWERS } from './api-schemas.ts';

/** What a status brings: an answer of the schemas, or bytes of a type. */
type Answer = keyof typeof ANSWERS | { readonly type: string } | 'nothing';

export interface ApiRoute {
  /** `plain`: HTTP, for anybody; `secure`: TLS, for machines that show their certificate; `enrol`: TLS, for anybody. */
  readonly port: 'plain' | 'secure' | 'enrol';
  readonly summary: string;
  /** It says who asks, by what a machine claims. */
  readonly asksWho?: true;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.core.$ZodType;
  /** Of a body that is no JSON: its type. */
  readonly bytes?: string;
  readonly answers: Readonly<Record<number, Answer>>;
}

const SCRIPT: Answer = { type: 'text/plain' };
const BYTES: Answer = { type: 'application/octet-stream' };
const RANGES = { Range: 'bytes=FROM-TO, of one range', 'If-None-Match': 'the ETag of what is there' };
const MATCH = { 'If-None-Match': 'the ETag of what is there' };

const STANDING = {
  'Statectl-Lease': 'its number; none: no server gave this boot any',
  'Statectl-Boot': 'the random id of this boot, as in the lease',
  'Statectl-Base': 'id of the head that this boot began with; none: it began empty',
};

/** Every route of the plain and the secure port; a test holds that there are no others. */
export const PLAIN_ROUTES: Readonly<Record<string, ApiRoute>> = {
  'GET /healthz': { port: 'plain', summary: 'whether it runs', answers: { 200: 'Health' } },
  'GET /v1/status': {
    port: 'plain',
    summary: 'how busy it is, for machines that choose among several',
    answers: { 200: 'Status' },
  },
  'GET /v1/tls': {
    port: 'plain',
    summary: 'where machines enrol, by TLS',
    answers: { 200: 'SecurePort' },
  },
  'GET /boot.ipxe': {
    port: 'plain',
    summary: 'the first script of iPXE: it asks /v1/ipxe with what it knows of the machine',
    answers: { 200: SCRIPT },
  },
  'GET /v1/ipxe': {
    port: 'plain',
    summary: 'what a machine boots, as a script of iPXE',
    asksWho: true,
    answers: { 200: SCRIPT },
  },
  'GET /v1/boot': {
    port: 'plain',
    summary: 'what a machine boots, for the controller',
    asksWho: true,
    query: { image: 'NAME or NAME@VERSION, where its kernel command line names one' },
    answers: { 200: 'Boot' },
  },
  'GET /v1/bundle': {
    port: 'plain',
    summary: 'its settings and files, signed: a ustar in zstd',
    asksWho: true,
    headers: MATCH,
    answers: { 200: { type: 'application/zstd' }, 304: 'nothing' },
  },
  'GET /v1/templates/*': {
    port: 'plain',
    summary: 'a template that says `public: true`, for this machine',
    asksWho: true,
    answers: { 200: SCRIPT },
  },
  'GET /v1/images/:name/:version/manifest.json': {
    port: 'plain',
    summary: 'the signed list of the files of an image',
    answers: { 200: 'Manifest' },
  },
  'GET /v1/images/:name/:version/manifest.json.sig': {
    port: 'plain',
    summary: 'its Ed25519 signature, 64 bytes',
    answers: { 200: BYTES },
  },
  'GET /blobs/sha256/:hex': {
    port: 'plain',
    summary: 'a file by its digest; never changes',
    headers: RANGES,
    answers: { 200: BYTES, 206: BYTES, 304: 'nothing' },
  },
  'GET /ipxe/:file': {
    port: 'plain',
    summary: "iPXE's own files, for firmware that boots by HTTP",
    headers: RANGES,
    answers: { 200: BYTES, 206: BYTES, 304: 'nothing' },
  },
  'POST /v1/reports': {
    port: 'plain',
    summary: 'what became of a boot, and what changes while a machine runs; more fields are kept as they are',
    body: Report,
    answers: { 204: 'nothing' },
  },
  'POST /v1/token': {
    port: 'plain',
    summary: 'a token for a machine whose record says `trust: network`',
    asksWho: true,
    answers: { 200: 'Token' },
  },
};

export const SECURE_ROUTES: Readonly<Record<string, ApiRoute>> = {
  'POST /v1/enrol': {
    port: 'enrol',
    summary: 'asks for a certificate, or for a new one; `request` is a PKCS #10 in PEM, `machine` what it claims',
    body: EnrolRequest,
    answers: { 200: 'Enrolled', 202: 'Waiting', 403: 'Waiting' },
  },
  'GET /v1/secrets': {
    port: 'secure',
    summary: 'the secrets that config.d names for this machine',
    answers: { 200: 'Secrets' },
  },
  'GET /v1/disks': {
    port: 'secure',
    summary: 'the partition tables that this machine reported of its disks, by their names below /dev/disk/by-id',
    answers: { 200: 'Disks' },
  },
  'POST /v1/ssh/host-certificate': {
    port: 'secure',
    summary: 'a certificate for its SSH host key; `publicKey` is as in a .pub file: Ed25519, or ECDSA on P-256',
    body: HostKeyRequest,
    answers: { 200: 'HostCertificate' },
  },
  'GET /v1/events': {
    port: 'secure',
    summary: 'server-sent events, until either side closes: hello, resync, bundle, move, identity; a beat every 15 s',
    headers: { 'Last-Event-ID': 'the last one that was heard' },
    answers: { 200: { type: 'text/event-stream' } },
  },
  'POST /v1/reports': {
    port: 'secure',
    summary: 'the same as on the plain port, believed before any claim',
    body: Report,
    answers: { 204: 'nothing' },
  },
  'POST /v1/state/:printer/lease': {
    port: 'secure',
    summary: 'makes this boot the one that goes on with the line of a printer, and names the newest good of each item',
    body: LeaseRequest,
    answers: { 200: 'Lease' },
  },
  'GET /v1/state/:printer/:item/generations/:id': {
    port: 'secure',
    summary: 'a generation of the line: a ustar of plain files',
    headers: RANGES,
    answers: { 200: BYTES, 206: BYTES, 304: 'nothing' },
  },
  'POST /v1/state/:printer/:item/generations': {
    port: 'secure',
    summary:
      'ships a generation, a ustar of plain files, which is checked; it is on the line, or in a branch of its own',
    headers: {
      ...STANDING,
      'Statectl-Sha256': 'digest of the body',
      'Statectl-Taken-At-Ms': 'when it was taken, Unix milliseconds by the clock of the machine',
    },
    bytes: 'application/x-tar',
    answers: { 200: 'Shipped' },
  },
  'GET /v1/state/:printer/:item/mirror': {
    port: 'secure',
    summary: 'the files of the line by name, and those of its source below them',
    headers: MATCH,
    answers: { 200: 'MirrorListing', 304: 'nothing' },
  },
  'GET /v1/state/:printer/:item/mirror/files/:sha256': {
    port: 'secure',
    summary: 'a file of the listing',
    headers: RANGES,
    answers: { 200: BYTES, 206: BYTES, 304: 'nothing' },
  },
  'POST /v1/state/:printer/:item/mirror/files/:sha256': {
    port: 'secure',
    summary: 'a piece of a file; another place than where it goes on takes nothing, and is told where that is',
    query: { at: 'where in the file it begins', size: 'bytes of the whole file' },
    headers: STANDING,
    bytes: 'application/octet-stream',
    answers: { 200: 'MirrorPiece' },
  },
  'POST /v1/state/:printer/:item/mirror/changes': {
    port: 'secure',
    summary: 'files that are new, another or gone, on the line, or in a branch of its own; their contents come before',
    headers: STANDING,
    body: MirrorChanges,
    answers: { 200: 'MirrorChanged' },
  },
  'GET /v1/state/:printer/:item/variables': {
    port: 'secure',
    summary: 'the file of saved variables of the line, byte by byte',
    answers: { 200: BYTES },
  },
  'POST /v1/state/:printer/:item/variables': {
    port: 'secure',
    summary: 'what became of variables, and their file as it is now; on the line, or in a branch of its own',
    headers: STANDING,
    body: VariablesShipment,
    answers: { 200: 'Shipped' },
  },
  'GET /v1/state/:printer/:item/config/head': {
    port: 'secure',
    summary: 'what the config of the line is by now',
    answers: { 200: 'ConfigHead' },
  },
  'GET /v1/state/:printer/:item/config': {
    port: 'secure',
    summary: 'files of the config of the line: all, or what was not so before',
    query: { since: 'what the machine has' },
    answers: { 200: 'ConfigFiles' },
  },
  'POST /v1/state/:printer/:item/config': {
    port: 'secure',
    summary: 'files that the printer changed: {base, files: [{path, content (base64, or null: it is gone), mtimeMs?}]}',
    headers: STANDING,
    bytes: 'application/vnd.statectl.config+json',
    answers: { 200: 'ConfigTaken' },
  },
};
