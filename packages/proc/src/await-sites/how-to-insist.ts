/** What a reason ends with where the search was left out although it could be done. */
export const HOW_TO_INSIST =
  "to have it anyway, send the signal again within 10 s or ask with awaits: 'always' (lastcall dump --awaits always)";
