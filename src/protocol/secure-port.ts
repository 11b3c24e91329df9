/**
 * What a machine is told of the port for TLS, by plain HTTP: a hint, which it cannot be harmed by, since each name has its own
 * authorities (`serverTrust`).
 */
export interface SecurePort {
  readonly port: number;
  /** The name in its certificate: the one of every server, or the host in the URL by which machines know this one. */
  readonly name: 'common' | 'host';
  /** It takes reports there too, of which nobody else can say that they are this machine's. */
  readonly takesReports?: true;
}
