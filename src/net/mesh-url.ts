// Where a member's mesh is, from the URL the membership names. Only http and https lead anywhere.

/** null: not an address that this node connects to. */
export function meshUrl(memberUrl: string): URL | null {
  if (!URL.canParse(memberUrl)) return null;
  const url = new URL(memberUrl);
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return null;
  if (url.username !== '' || url.password !== '') return null;
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/mesh`;
  url.search = '';
  url.hash = '';
  return url;
}
