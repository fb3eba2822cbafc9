// The defaults of [Notice] that guests read in the language of the machine: packaging/po has their translations.
export const NOTICE_TEXTS = {
  LoginText: "You are a guest here: when you log out, all your files on this machine are deleted.",
  TermsQuestion: "If you accept these terms of use, type: yes",
  TermsAnswer: "yes",
} as const;
