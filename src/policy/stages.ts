// The order of the effects of leasing, opening and ending, and other effects. The types of effects are made from these
// lists.
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

/** The record comes first: a crash must not leave an account that guestd does not know. */
export const ALLOCATING = [watchLeader, writeRecord, enterLedger, publishAccount, answer] as const;

/** Until there is a view. The leader is in a cgroup before it starts anything. */
export const PREPARING = [watchLeader, encloseLeader, buildView] as const;

/** With the view. The record comes before the answer: a power cut loses no session with a guest in it. */
export const ADMITTING = [writeRecord, enterLedger, permitUnlock, answer, announceOpened] as const;

/**
 * Processes are listed before anything ends them. The account is terminated before its files are swept: services write
 * nothing for unknown users. The receipt is saved before it is announced. The record goes last.
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
