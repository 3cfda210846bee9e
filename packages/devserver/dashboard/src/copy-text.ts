/** Copies the text of an element; false when the browser does not allow it. What it says is selected then. */
export async function copyText(source: HTMLElement): Promise<boolean> {
  // Browsers give `navigator.clipboard` to https and to loopback addresses only.
  const copied = await navigator.clipboard?.writeText(source.textContent ?? '').then(
    () => true,
    () => false,
  );
  if (copied === true) return true;
  getSelection()?.selectAllChildren(source);
  return document.execCommand('copy');
}
