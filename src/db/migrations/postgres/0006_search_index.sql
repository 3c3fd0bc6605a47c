-- By hand: what is written is put aside for the index in a list that every search reads to its end. It is kept short.
ALTER INDEX IF EXISTS "entry_search" SET (gin_pending_list_limit = 1024);
