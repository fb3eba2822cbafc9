// The defaults of [Notice] that are translated in packaging/po.
export const NOTICE_TEXTS = {
  LoginText: "You are a guest here: when you log out, all your files on this machine are deleted.",
  LogoutText: "All your files are deleted now.",
  TermsQuestion: "If you accept these terms of use, type: yes",
  TermsAnswer: "yes",
} as const;
