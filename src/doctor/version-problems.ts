import type { OwnerRecord } from '../election/record.ts';
import { PROTOCOL_VERSION } from '../protocol.ts';
import { isNewer } from '../version.ts';
import type { Facts } from './facts.ts';
import { READABLE } from './file-header.ts';

/** What does not fit together: this program, its Node, the owner and the file. */
export const findVersionProblem = (facts: Facts): Problem | null =>
  PROBLEMS.map((look) => look(facts)).find((found) => found !== null) ?? null;

type Problem = { readonly detail: string; readonly next: string };

const OLDEST_NODE = 20;

/** The worst first. */
const PROBLEMS: readonly ((facts: Facts) => Problem | null)[] = [
  ({ version, ...facts }) => {
    const other = livingOwner(facts);
    if (!other || other.protocol === PROTOCOL_VERSION) return null;
    const older = isNewer(version, other.version) ? 'the owner' : 'this onepond';
    return {
      detail: `the owner is onepond ${other.version} with protocol ${other.protocol}, not ${PROTOCOL_VERSION}`,
      next: `bring ${older} up to date`,
    };
  },
  ({ version, ...facts }) => {
    const other = livingOwner(facts);
    if (!other || !isNewer(version, other.version)) return null;
    return {
      detail: `the owner is onepond ${other.version}, older than this one, ${version}`,
      next: 'bring its program up to date; or onepond stop, and the next one takes over',
    };
  },
  ({ version, ...facts }) => {
    const other = livingOwner(facts);
    if (!other || !isNewer(other.version, version)) return null;
    return {
      detail: `this onepond is ${version}, older than the owner's, ${other.version}`,
      next: 'bring this onepond up to date',
    };
  },
  () => {
    const node = process.versions.node;
    if (Number.parseInt(node, 10) >= OLDEST_NODE) return null;
    return {
      detail: `Node ${node} is older than onepond supports`,
      next: `install Node ${OLDEST_NODE} or newer`,
    };
  },
  ({ header }) => {
    if (!header?.isDuckDB || header.storage <= READABLE.newest) return null;
    const { storage, library } = header;
    return {
      detail: `the file is of a newer DuckDB${library && `, ${library}`}: storage version ${storage}, and this onepond reads up to ${READABLE.newest}`,
      next: 'use a onepond that is built on that DuckDB',
    };
  },
  ({ header }) => {
    if (!header?.isDuckDB || header.storage >= READABLE.oldest) return null;
    return {
      detail: `the file is of an old DuckDB: storage version ${header.storage}, and this onepond reads from ${READABLE.oldest}`,
      next: 'EXPORT DATABASE with the DuckDB that made it, and IMPORT DATABASE into a new file',
    };
  },
];

/** One that is dead has no version that matters. */
function livingOwner({
  owner,
  record,
  recordIsDead,
}: Omit<Facts, 'version'>): Pick<OwnerRecord, 'version' | 'protocol'> | null {
  return owner?.hello ?? (recordIsDead ? null : record);
}
