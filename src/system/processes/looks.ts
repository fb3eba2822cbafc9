// Shares one look at all processes among many ends. Quarantined UIDs have their own.
import { Batch } from "../batch.ts";
import { searchAllHolders, type HolderCriteria, type SearchHolders } from "./holder-search.ts";
import { searchAllMembers, type MemberCriteria, type SearchMembers } from "./member-search.ts";

export interface Looks {
  readonly searchHolders: SearchHolders;
  readonly searchMembers: SearchMembers;
}

export function makeLooks(): Looks {
  const holders = new Batch((sets: readonly HolderCriteria[]) => searchAllHolders(sets));
  const members = new Batch((sets: readonly MemberCriteria[]) => searchAllMembers(sets));
  return { searchHolders: (criteria) => holders.ask(criteria), searchMembers: (criteria) => members.ask(criteria) };
}
