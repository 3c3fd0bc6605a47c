CREATE TABLE `job_part` (
	`job_id` integer NOT NULL,
	`index` integer NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`job_id`, `index`),
	FOREIGN KEY (`job_id`) REFERENCES `job`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE TABLE `job_log` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`job_id` integer NOT NULL,
	`attempt` integer NOT NULL,
	`level` text NOT NULL,
	`message` text NOT NULL,
	`fields` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`job_id`) REFERENCES `job`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `job_log_job_id` ON `job_log` (`job_id`,`id`);
CREATE TABLE `job_schedule` (
	`operation` integer NOT NULL,
	`params_digest` text NOT NULL,
	`params` text NOT NULL,
	`plugin` text,
	`cron` text NOT NULL,
	`user_id` text NOT NULL,
	`username` text NOT NULL,
	`next_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	PRIMARY KEY(`operation`, `params_digest`)
);

CREATE TABLE `job_worker` (
	`id` text PRIMARY KEY NOT NULL,
	`seen_at` integer NOT NULL
);

CREATE TABLE `job_import` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`job_id` integer,
	`attempt` integer DEFAULT 0 NOT NULL,
	`size` integer DEFAULT 0 NOT NULL,
	`position` integer DEFAULT 0 NOT NULL,
	`created` integer DEFAULT 0 NOT NULL,
	`updated` integer DEFAULT 0 NOT NULL,
	`unchanged` integer DEFAULT 0 NOT NULL,
	`failed` integer DEFAULT 0 NOT NULL,
	`errors` text NOT NULL,
	`is_finished` integer DEFAULT false NOT NULL,
	`interruptions` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`job_id`) REFERENCES `job`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `job_import_job_id` ON `job_import` (`job_id`);
CREATE TABLE `job_import_part` (
	`import_id` integer NOT NULL,
	`index` integer NOT NULL,
	`content` text NOT NULL,
	PRIMARY KEY(`import_id`, `index`),
	FOREIGN KEY (`import_id`) REFERENCES `job_import`(`id`) ON UPDATE no action ON DELETE cascade
);

ALTER TABLE `job` ADD `priority` integer DEFAULT 100 NOT NULL;
ALTER TABLE `job` ADD `revision` integer DEFAULT 0 NOT NULL;
ALTER TABLE `job` ADD `content_type` text;
ALTER TABLE `job` ADD `file_name` text;
ALTER TABLE `job` ADD `parts` integer DEFAULT 0 NOT NULL;
ALTER TABLE `job` ADD `retention_days` integer DEFAULT 90 NOT NULL;
ALTER TABLE `job` ADD `expires_at` integer;
CREATE INDEX `job_revision` ON `job` (`revision`);
CREATE INDEX `job_expires_at` ON `job` (`expires_at`);
ALTER TABLE `job` ADD `worker` text;
