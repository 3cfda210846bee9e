/** A commit asks the error that it fails with for its labels, whatever it is. */
export function withLabels(reason: Error): Error {
  if (!('hasErrorLabel' in reason)) {
    Object.defineProperties(reason, {
      hasErrorLabel: { value: () => false },
      addErrorLabel: { value: () => {} },
    });
  }
  return reason;
}
