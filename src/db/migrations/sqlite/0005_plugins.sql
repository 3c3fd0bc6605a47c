ALTER TABLE `installed_plugin` ADD `quarantine` text;
ALTER TABLE `installed_plugin` ADD `limits` text;
CREATE TABLE `repair` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`plugin` text DEFAULT '' NOT NULL,
	`code` text NOT NULL,
	`severity` text NOT NULL,
	`message` text NOT NULL,
	`mend` text NOT NULL,
	`count` integer DEFAULT 1 NOT NULL,
	`since` integer NOT NULL,
	`last_seen` integer NOT NULL,
	`resolved_at` integer,
	`resolved_by` text
);

CREATE UNIQUE INDEX `repair_open` ON `repair` (`plugin`,`code`) WHERE resolved_at is null;
CREATE TABLE `admin_event` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`kind` text NOT NULL,
	`data` text NOT NULL,
	`created_at` integer NOT NULL
);

