/** Only what hangs ever reaches this limit: how long a test takes is the business of the machine it runs on. */
export const hangLimitMs = 15 * 60_000;
