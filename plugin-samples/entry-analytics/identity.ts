/** As the lockfile names it. */
export const plugin = "entry-analytics-plugin"
