/** Put in by the build, from package.json. */
declare const __VERSION__: string;

export const VERSION = __VERSION__;

/** True where `version` comes after `other`, by their three numbers. */
export function isNewer(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split(/[.-]/).slice(0, 3).map(Number)) as [
    number[],
    number[],
  ];
  const at = a.findIndex((number, i) => number !== b[i]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
}
