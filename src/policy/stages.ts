// The order of the effects of leasing an account, of opening and of ending a session; and the effects that are no stage of
// these. A new effect belongs into one of these lists: all types of effects are made from them.
import { announceClosed } from "./effects/announce-closed.ts";
import { announceOpened } from "./effects/announce-opened.ts";
import { answer } from "./effects/answer.ts";
import { buildView } from "./effects/build-view.ts";
import { checkRules } from "./effects/check-rules.ts";
import { countProcesses } from "./effects/count-processes.ts";
import { dropView } from "./effects/drop-view.ts";
import { encloseLeader } from "./effects/enclose-leader.ts";
import { enterLedger } from "./effects/enter-ledger.ts";
import { forbidUnlock } from "./effects/forbid-unlock.ts";
import { killProcesses } from "./effects/kill-processes.ts";
import { limitLogin } from "./effects/limit-login.ts";
import { listAccount } from "./effects/list-account.ts";
import { noteClose } from "./effects/note-close.ts";
import { noteEnding } from "./effects/note-ending.ts";
import { offerGhost } from "./effects/offer-ghost.ts";
import { permitUnlock } from "./effects/permit-unlock.ts";
import { publishAccount } from "./effects/publish-account.ts";
import { quarantineUid } from "./effects/quarantine-uid.ts";
import { refuse } from "./effects/refuse.ts";
import { releaseUid } from "./effects/release-uid.ts";
import { removeRecord } from "./effects/remove-record.ts";
import { stopManager } from "./effects/stop-manager.ts";
import { sweepAccount } from "./effects/sweep-account.ts";
import { unlistAccount } from "./effects/unlist-account.ts";
import { walkPaths } from "./effects/walk-paths.ts";
import { sweepUid } from "./effects/sweep-uid.ts";
import { takeUpSession } from "./effects/take-up-session.ts";
import { terminateUser } from "./effects/terminate-user.ts";
import { watchLeader } from "./effects/watch-leader.ts";
import { withdrawAccount } from "./effects/withdraw-account.ts";
import { writeReceipt } from "./effects/write-receipt.ts";
import { writeRecord } from "./effects/write-record.ts";
import { writeSwitch } from "./effects/write-switch.ts";

/** Leasing an account: the record stands before the account, so that it is never forgotten. */
export const ALLOCATING = [watchLeader, writeRecord, enterLedger, publishAccount, answer] as const;

/** Opening, until there is a view. The leader is in a cgroup of the session before it can start anything of the guest's. */
export const PREPARING = [watchLeader, encloseLeader, buildView] as const;

/** Opening, with the view. The record stands before the answer: a guest who is in is never forgotten, not even over a power cut. */
export const ADMITTING = [writeRecord, enterLedger, permitUnlock, answer, announceOpened] as const;

/**
 * Ending. Processes are counted before anybody is asked to end them. A leased account goes before what it has left is looked
 * for: no service writes anything down for one that it does not know. The receipt stands before it is announced; the record
 * goes last of all.
 */
export const ENDING = [
  countProcesses,
  noteEnding,
  forbidUnlock,
  unlistAccount,
  stopManager,
  killProcesses,
  terminateUser,
  dropView,
  withdrawAccount,
  sweepAccount,
  writeReceipt,
  announceClosed,
  removeRecord,
] as const;

/** What is done beside that way. */
const OTHERS = [
  refuse,
  noteClose,
  limitLogin,
  listAccount,
  checkRules,
  takeUpSession,
  sweepUid,
  walkPaths,
  quarantineUid,
  releaseUid,
  writeSwitch,
  offerGhost,
] as const;

export const ROWS = [...ALLOCATING, ...PREPARING, ...ADMITTING, ...ENDING, ...OTHERS] as const;
