// What counts as the address of a node: an http or https origin and nothing more, so no path and no password either.

/** In its canonical form; null: it is not one. */
export function httpOrigin(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return null;
  const isPlain =
    url.username === '' && url.password === '' && url.pathname === '/' && url.search === '' && url.hash === '';
  return isPlain ? url.origin : null;
}
