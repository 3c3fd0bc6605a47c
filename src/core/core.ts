import type { Database } from "../db/database.ts"
import type { Log } from "../log.ts"
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

export type CoreContext = { readonly database: Database; readonly accounts: Accounts; readonly log: Log }

/** What users define and keep, and who may do what with it. */
export type Core = {
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

export function openCore({ database, accounts, log }: CoreContext): Core {
  const access = createAccess(database)
  const audit = createAudit(database)
  const schemas = createSchemas(database)
  const references = createReferences(database, access)
  const hooks = createHooks({ database, users: { get: accounts.getUser }, log })
  return {
    access,
    audit,
    people: createPeople(database, accounts, audit.write),
    groups: createGroups(database, audit.write),
    roles: createRoles(database, audit.write),
    acls: createAcls(database, access, audit.write),
    schemas,
    references,
    entities: createEntities({ database, access, schemas, references, hooks, audit }),
    entries: createEntries({ database, access, schemas, references, hooks }),
    entryLists: createEntryLists({ database, access, schemas }),
    permissions: createPermissions(database, access),
    overrides: createOverrides(database, audit.write),
    hooks,
  }
}
