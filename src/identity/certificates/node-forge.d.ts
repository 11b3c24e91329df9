/** What we use of node-forge, which ships no types: https://github.com/digitalbazaar/forge#x509 */
declare module 'node-forge' {
  interface RsaPrivateKey {
    readonly n: unknown;
    readonly e: unknown;
  }
  interface Certificate {
    publicKey: unknown;
    /** Hexadecimal. */
    serialNumber: string;
    readonly validity: { notBefore: Date; notAfter: Date };
    setSubject(attributes: readonly { readonly name: string; readonly value: string }[]): void;
    setIssuer(attributes: readonly { readonly name: string; readonly value: string }[]): void;
    setExtensions(extensions: readonly Readonly<Record<string, unknown>>[]): void;
    sign(key: RsaPrivateKey, digest: unknown): void;
  }
  const forge: {
    readonly pki: {
      privateKeyFromPem(pem: string): RsaPrivateKey;
      setRsaPublicKey(n: unknown, e: unknown): unknown;
      createCertificate(): Certificate;
      certificateToPem(certificate: Certificate): string;
    };
    readonly md: { readonly sha256: { create(): unknown } };
  };
  export default forge;
}
