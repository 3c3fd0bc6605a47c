import type { Api, Entity } from "@pagoda/sdk"

/** Nothing where it is not there, or the caller may not read it. */
export async function findEntity(api: Pick<Api, "entities">, id: number): Promise<Entity | undefined> {
  try {
    return await api.entities.get(id)
  } catch (error) {
    if ((error as { code?: unknown }).code === "NOT_FOUND") return undefined
    throw error
  }
}
