// A member as one line for people.
export interface MemberShown {
  readonly id: string;
  readonly url: string;
  readonly role: string;
  readonly live: boolean;
  readonly lastChosen: number | null;
  readonly needsReadmission: boolean;
}

export function memberLine({ id, url, role, live, lastChosen, needsReadmission }: MemberShown): string {
  const state = live ? 'up' : 'down';
  const note = needsReadmission ? '  needs readmission' : '';
  return `  ${id.padEnd(8)} ${role.padEnd(8)} ${state.padEnd(4)} ${url}  ${lastChosen ?? '-'}${note}`;
}
