/** For people: `21.3 MiB`. */
export function formatSize(sizeBytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'] as const;
  const power = sizeBytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(sizeBytes) / 10), 3);
  return `${(sizeBytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
