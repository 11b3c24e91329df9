/** The asset of the single executable that holds src/admin.ts, as one CommonJS bundle that requires only Node's modules. */
export const ADMIN_ASSET = 'admin.cjs';
