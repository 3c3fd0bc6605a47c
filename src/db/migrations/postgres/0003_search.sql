DROP INDEX "entry_value_text";
DROP INDEX "entry_value_number";
DROP INDEX "entry_value_ref";
ALTER TABLE "entry" ALTER COLUMN "name" SET DATA TYPE text collate "C";
ALTER TABLE "entry_value" ALTER COLUMN "text" SET DATA TYPE text collate "C";
ALTER TABLE "entry" ADD COLUMN "search" text DEFAULT '' NOT NULL;
ALTER TABLE "entry_value" ADD COLUMN "whole" text collate "C";
ALTER TABLE "entry_value" ADD COLUMN "folded" text;
CREATE INDEX "entry_closed" ON "entry" USING btree ("entity_id") WHERE not is_public;
CREATE INDEX "entry_value_text" ON "entry_value" USING btree ("attribute_id","text","entry_id") WHERE text is not null;
CREATE INDEX "entry_value_number" ON "entry_value" USING btree ("attribute_id","number","entry_id") WHERE number is not null;
CREATE INDEX "entry_value_ref" ON "entry_value" USING btree ("ref_id","attribute_id") WHERE ref_id is not null;

-- By hand: the index of three-letter pieces that search asks. Where the server has no such extension, or lets this role
-- not make it, search reads every entry.
DO $$ BEGIN
	CREATE EXTENSION IF NOT EXISTS pg_trgm;
	CREATE INDEX "entry_search" ON "entry" USING gin ("search" gin_trgm_ops);
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE 'search has no index: %', SQLERRM;
END $$;
