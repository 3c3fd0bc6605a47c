import type { User } from "@pagoda/sdk"
import type { Database } from "../db/database.ts"
import type { Log } from "../log.ts"
import { onDemand } from "../on-demand.ts"
import { type Acls, createAcls } from "./access/acl.ts"
import { createGroups, type Groups } from "./access/groups.ts"
import { createPeople, type People } from "./access/people.ts"
import { createPermissions, type Permissions } from "./access/permissions.ts"
import { createRoles, type Roles } from "./access/roles.ts"
import { type Access, createAccess } from "./access.ts"
import type { Accounts } from "./accounts.ts"
import { type AuditRecords, createAudit } from "./audit.ts"
import { createReferences, type References } from "./entities/references.ts"
import { createSchemas, type Schemas } from "./entities/schemas.ts"
import { createEntities, type Entities } from "./entities.ts"
import { createEntries, type Entries } from "./entries.ts"
import { createEntryLists, type EntryLists } from "./entry-lists.ts"
import { createHooks } from "./hooks/dispatch.ts"
import type { Hooks } from "./hooks.ts"
import { createOverrides, type Overrides } from "./overrides.ts"

export type CoreContext = {
  readonly database: Database
  readonly accounts: Accounts
  readonly log: Log
  /** Told of every hook of a plugin that fails. */
  readonly onHookFailure?: (plugin: string, error: unknown) => void
}

/** What users define and keep, and who may do what with it. */
export type Core = {
  readonly users: { get(id: string): Promise<User | null> }
  readonly access: Access
  readonly audit: AuditRecords
  readonly people: People
  readonly groups: Groups
  readonly roles: Roles
  readonly acls: Acls
  readonly schemas: Schemas
  readonly references: References
  readonly entities: Entities
  readonly entries: Entries
  readonly entryLists: EntryLists
  readonly permissions: Permissions
  readonly hooks: Hooks
  readonly overrides: Overrides
}

export function openCore({ database, accounts, log, onHookFailure }: CoreContext): Core {
  const core: Core = onDemand<Core>({
    users: () => ({ get: accounts.getUser }),
    access: () => createAccess(database),
    audit: () => createAudit(database),
    people: () => createPeople(database, accounts, core.audit.write),
    groups: () => createGroups(database, core.audit.write),
    roles: () => createRoles(database, core.audit.write),
    acls: () => createAcls(database, core.access, core.audit.write),
    schemas: () => createSchemas(database),
    references: () => createReferences(database, core.access),
    entities: () => {
      const { access, schemas, references, hooks, audit } = core
      return createEntities({ database, access, schemas, references, hooks, audit })
    },
    entries: () => {
      const { access, schemas, references, hooks } = core
      return createEntries({ database, access, schemas, references, hooks })
    },
    entryLists: () => createEntryLists({ database, access: core.access, schemas: core.schemas }),
    permissions: () => createPermissions(database, core.access),
    hooks: () => createHooks({ database, users: core.users, log, onFailure: onHookFailure }),
    overrides: () => createOverrides(database, core.audit.write),
  })
  return core
}
