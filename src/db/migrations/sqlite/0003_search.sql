ALTER TABLE `entry` ADD `search` text DEFAULT '' NOT NULL;
CREATE INDEX `entry_closed` ON `entry` (`entity_id`) WHERE not is_public;

-- By hand: rows of one entry lie side by side, under their key alone.
CREATE TABLE `__new_entry_value` (
	`entry_id` integer NOT NULL,
	`attribute_id` integer NOT NULL,
	`position` integer NOT NULL,
	`text` text,
	`whole` text,
	`folded` text,
	`number` real,
	`ref_id` integer,
	PRIMARY KEY(`entry_id`, `attribute_id`, `position`),
	FOREIGN KEY (`entry_id`) REFERENCES `entry`(`id`) ON UPDATE no action ON DELETE cascade
) WITHOUT ROWID;
INSERT INTO `__new_entry_value` (`entry_id`, `attribute_id`, `position`, `text`, `number`, `ref_id`)
	SELECT `entry_id`, `attribute_id`, `position`, `text`, `number`, `ref_id` FROM `entry_value`;
DROP TABLE `entry_value`;
ALTER TABLE `__new_entry_value` RENAME TO `entry_value`;
CREATE INDEX `entry_value_text` ON `entry_value` (`attribute_id`, `text`, `entry_id`) WHERE text is not null;
CREATE INDEX `entry_value_number` ON `entry_value` (`attribute_id`, `number`, `entry_id`) WHERE number is not null;
CREATE INDEX `entry_value_ref` ON `entry_value` (`ref_id`, `attribute_id`) WHERE ref_id is not null;

-- By hand: the index of three-letter pieces that search asks. What is written waits until there is enough of it, because
-- each time that the index grows costs as much as what it grows by; search looks at what waits itself.
CREATE VIRTUAL TABLE `entry_search` USING fts5(
	`search`, content='', contentless_delete=1, tokenize='trigram case_sensitive 1', detail='none'
);
CREATE TABLE `entry_unsearched` (`id` integer PRIMARY KEY NOT NULL);
CREATE TRIGGER `entry_search_insert` AFTER INSERT ON `entry` BEGIN
	INSERT INTO `entry_unsearched` (`id`) VALUES (new.`id`);
END;
CREATE TRIGGER `entry_search_update` AFTER UPDATE OF `search` ON `entry` WHEN old.`search` <> new.`search` BEGIN
	INSERT OR IGNORE INTO `entry_unsearched` (`id`) VALUES (new.`id`);
END;
CREATE TRIGGER `entry_search_delete` AFTER DELETE ON `entry` BEGIN
	DELETE FROM `entry_unsearched` WHERE `id` = old.`id`;
	DELETE FROM `entry_search` WHERE rowid = old.`id`;
END;
CREATE TRIGGER `entry_search_fill` AFTER INSERT ON `entry_unsearched`
WHEN (SELECT count(*) FROM `entry_unsearched`) >= 64 BEGIN
	INSERT OR REPLACE INTO `entry_search` (rowid, `search`)
		SELECT `id`, `search` FROM `entry` WHERE `id` IN (SELECT `id` FROM `entry_unsearched`);
	DELETE FROM `entry_unsearched`;
END;
