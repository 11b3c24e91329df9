import { RUN } from '../paths.ts';

/**
 * There while the state of a printer that Moonraker must find whole is not whole yet: its service waits until it is gone. A boot
 * that could not bring everything makes it, and who brings the rest takes it away.
 */
export const loadingMark = (printer: string): string => `${RUN}/state/${printer}.loading`;
