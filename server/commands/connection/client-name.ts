/** What a client may call itself: its name, its library's name and version stand in the lines of CLIENT LIST, so they have no spaces. */

export const INVALID_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.';

/** Printable ASCII without spaces. */
export function isPlainText(text: string): boolean {
  return /^[!-~]*$/.test(text);
}
