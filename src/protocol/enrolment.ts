/** What proved that the key is this machine's: DESIGN §7. */
export type Proof = 'earlier-key' | 'person' | 'network';

export type EnrolAnswer =
  | { readonly state: 'approved'; readonly node: string; readonly certificatePem: string; readonly proof: Proof }
  | { readonly state: 'pending' | 'denied'; readonly fingerprint: string };
