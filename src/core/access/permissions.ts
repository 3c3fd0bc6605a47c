import type { Level, User } from "@pagoda/sdk"
import type { Database } from "../../db/database.ts"
import { PagodaError } from "../../errors.ts"
import { type Access, type ObjectType, requireLevel } from "../access.ts"
import { createAclObjects, levelOn } from "./acl-objects.ts"
import { grants } from "./levels.ts"

/** What a user may do with one object, its ancestors included. */
export type Permissions = {
  /** `false` also for what is not there. */
  can(user: User, level: Level, type: ObjectType, id: number): Promise<boolean>
  /** @throws NOT_FOUND for what he may not read, else FORBIDDEN */
  require(user: User, level: Level, type: ObjectType, id: number): Promise<void>
}

export function createPermissions(database: Database, access: Access): Permissions {
  const objects = createAclObjects(database)

  const read = async (user: User, type: ObjectType, id: number): Promise<{ level: Level; title: string }> => {
    const object = await objects.read(database.db, type, id)
    return { level: await levelOn(access, user, object), title: object.title }
  }

  return {
    async can(user, wanted, type, id) {
      try {
        return grants((await read(user, type, id)).level, wanted)
      } catch (error) {
        if (error instanceof PagodaError && error.code === "NOT_FOUND") return false
        throw error
      }
    },
    async require(user, wanted, type, id) {
      const { level, title } = await read(user, type, id)
      requireLevel(level, wanted, title)
    },
  }
}
