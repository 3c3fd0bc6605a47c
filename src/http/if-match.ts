import { t } from "@pagoda/sdk"

/** The version that a change is meant for, as a number or as an entity tag. */
export const ifMatchHeaders = t.Object({
  "if-match": t.Optional(
    t.String({
      pattern: '^(?:\\d{1,15}|"\\d{1,15}"|\\*)$',
      description: "The version that one has read: refused with 412 where it is not the stored one any more",
      examples: ["3"],
    }),
  ),
})

export function toVersion({ "if-match": given }: { "if-match"?: string | undefined }): number | undefined {
  return given === undefined || given === "*" ? undefined : Number(given.replaceAll('"', ""))
}
