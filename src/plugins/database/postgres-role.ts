import { randomBytes } from "node:crypto"
import { type SQL, sql } from "drizzle-orm"
import type { Database, Transaction } from "../../db/database.ts"
import { DatabaseError } from "../../db/database-error.ts"
import { PagodaError } from "../../errors.ts"
import { toRoleName } from "./names.ts"
import { toScramVerifier } from "./scram.ts"

/** Enough for many replicas of one plugin, not for more. */
const connectionLimit = 50

/** Any number that no one else on this database takes. */
const lock = 7_240_003

type Handle = Pick<Transaction, "execute">

/** The role's name, and whether there is such a role. */
export async function readRole({ db }: Database, schema: string): Promise<{ role: string; exists: boolean }> {
  const begin = toRoleName(schema, "")
  const [row] = await read<{ role: string; exists: boolean }>(
    db,
    sql`select ${begin}::text || d.oid as role, exists(select 1 from pg_roles where rolname = ${begin}::text || d.oid)
        from pg_database d where d.datname = current_database()`,
  )
  if (row) return row
  throw new Error(`The database has no row in pg_database: the role of schema "${schema}" cannot be named`)
}

/** Makes the role, or gives it this password, and a schema in which it alone may do something. */
export async function ensureRole(database: Database, schema: string, role: string, password: string): Promise<void> {
  await inTurn(database, async (tx) => {
    const verifier = toScramVerifier(password, randomBytes(16))
    const [known] = await read(tx, sql`select 1 from pg_roles where rolname = ${role}`)
    const rights = "login nosuperuser nocreatedb nocreaterole noinherit noreplication nobypassrls"
    await run(tx, known ? `alter role ${name(role)} login` : `create role ${name(role)} ${rights}`)
    await run(tx, `alter role ${name(role)} connection limit ${connectionLimit} password '${verifier}'`)
    await run(tx, `create schema if not exists ${name(schema)}`)
    await run(tx, `grant usage, create on schema ${name(schema)} to ${name(role)}`)
    await takeOver(tx, schema, role)
    await grantConnect(tx, role)
  })
  await closeCore(database, role)
}

/** Without a role of its own what keeps the plugin in its schema is only where unqualified names are looked for. */
export async function ensureSchema(database: Database, id: string, schema: string): Promise<void> {
  try {
    await inTurn(database, (tx) => run(tx, `create schema if not exists ${name(schema)}`))
  } catch (cause) {
    if (!isForbidden(cause)) throw cause
    throw new PagodaError(
      "DATABASE_FORBIDDEN",
      `Cannot make the database of plugin "${id}": the user of DATABASE_URL may not make the schema "${schema}"; as an owner of the database run "grant create on database … to …"`,
      { plugin: id, cause },
    )
  }
}

/** What a restored dump, or a time without a role, left with another owner. */
async function takeOver(tx: Transaction, schema: string, role: string): Promise<void> {
  const found = await read<{ kind: string; object: string }>(
    tx,
    sql`select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
          else 'table' end as kind, c.oid::regclass::text as object
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = ${schema} and c.relkind in ('r', 'p', 'v', 'm', 'S') and pg_get_userbyid(c.relowner) <> ${role}
          and not exists (select 1 from pg_depend d where d.objid = c.oid and c.relkind = 'S' and d.deptype in ('a', 'i'))
        union all
        select 'routine', p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = ${schema} and pg_get_userbyid(p.proowner) <> ${role}`,
  )
  if (found.length === 0) return
  await joinRole(tx, role)
  for (const { kind, object } of found) await run(tx, `alter ${kind} ${object} owner to ${name(role)}`)
}

/** A superuser needs no membership, and another one may have it already. */
async function joinRole(tx: Transaction, role: string): Promise<void> {
  const [row] = await read<{ member: boolean }>(tx, sql`select pg_has_role(current_user, ${role}, 'usage') as member`)
  if (!row?.member) await run(tx, `grant ${name(role)} to current_user`)
}

async function grantConnect(tx: Transaction, role: string): Promise<void> {
  const [row] = await read<{ database: string; may: boolean }>(
    tx,
    sql`select current_database() as database, has_database_privilege(${role}, current_database(), 'connect') as may`,
  )
  if (row && !row.may) await run(tx, `grant connect on database ${name(row.database)} to ${name(role)}`)
}

/** On servers where everybody was let in: what is the core's is nobody else's. */
async function closeCore(database: Database, role: string): Promise<void> {
  const open = await read<{ object: string }>(
    database.db,
    sql`select c.oid::regclass::text as object from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
          and has_table_privilege(${role}, c.oid, 'select, insert, update, delete, truncate, references, trigger')`,
  )
  for (const { object } of open) await run(database.db, `revoke all on table ${object} from public`)
  // as every database that began on Postgres 14 or older has it: a function there would be called in place of a standard one
  const [schema] = await read<{ name: string; may: boolean }>(
    database.db,
    sql`select current_schema() as name, has_schema_privilege(${role}, current_schema(), 'create') as may`,
  )
  if (schema?.may) await run(database.db, `revoke create on schema ${name(schema.name)} from public`)
}

export async function dropSchemaAndRole(database: Database, schema: string, role: string): Promise<void> {
  await inTurn(database, async (tx) => {
    await run(tx, `drop schema if exists ${name(schema)} cascade`)
    const [known] = await read(tx, sql`select 1 from pg_roles where rolname = ${role}`)
    if (!known) return
    await joinRole(tx, role)
    await run(tx, `drop owned by ${name(role)} cascade`)
    await run(tx, `drop role ${name(role)}`)
  })
}

/** For replicas that do the same at once. */
function inTurn<T>(database: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return database.transaction(async (tx) => {
    await read(tx, sql`select pg_advisory_xact_lock(${lock})`)
    return work(tx)
  })
}

/** Not allowed, or not allowed to log in. */
export function isForbidden(error: unknown): boolean {
  return error instanceof DatabaseError && /^(?:42501|28...)$/.test(error.code)
}

export async function read<Row>(handle: Handle, query: SQL): Promise<Row[]> {
  return (await handle.execute(query)) as unknown as Row[]
}

function run(handle: Handle, statement: string): Promise<unknown> {
  return handle.execute(sql.raw(statement))
}

/** Quoted, so that it is a name whatever it is. */
export function name(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
