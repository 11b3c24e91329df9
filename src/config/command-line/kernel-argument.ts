/** One word that may stand on a `kernel` line of iPXE: nothing that iPXE itself would act on (`core/exec.c` in its source). */
export const KERNEL_ARGUMENT = /^(?!(?:#.*|\|\||&&|;)$)[\x21-\x7e]+$/;
