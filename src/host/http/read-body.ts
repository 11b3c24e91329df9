import { StatectlError } from '../../error.ts';

/** The whole body of an answer that is short. Throws `answer-too-large`, and what breaks the transfer. */
export async function readBody(body: AsyncIterable<Uint8Array>, mostBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes)
      throw new StatectlError('answer-too-large', `it sends more than the ${mostBytes} bytes of such an answer`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
