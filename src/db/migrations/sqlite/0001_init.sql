CREATE TABLE `user` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`email` text NOT NULL,
	`email_verified` integer DEFAULT false NOT NULL,
	`image` text,
	`username` text NOT NULL,
	`display_username` text NOT NULL,
	`is_admin` integer DEFAULT false NOT NULL,
	`is_readonly` integer DEFAULT false NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);

CREATE UNIQUE INDEX `user_email_unique` ON `user` (`email`);
CREATE UNIQUE INDEX `user_username_unique` ON `user` (`username`);
CREATE TABLE `session` (
	`id` text PRIMARY KEY NOT NULL,
	`token` text NOT NULL,
	`user_id` text NOT NULL,
	`expires_at` integer NOT NULL,
	`ip_address` text,
	`user_agent` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `user`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE UNIQUE INDEX `session_token_unique` ON `session` (`token`);
CREATE INDEX `session_user_id` ON `session` (`user_id`);
CREATE TABLE `account` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`provider_id` text NOT NULL,
	`user_id` text NOT NULL,
	`access_token` text,
	`refresh_token` text,
	`id_token` text,
	`access_token_expires_at` integer,
	`refresh_token_expires_at` integer,
	`scope` text,
	`password` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `user`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `account_user_id` ON `account` (`user_id`);
CREATE TABLE `verification` (
	`id` text PRIMARY KEY NOT NULL,
	`identifier` text NOT NULL,
	`value` text NOT NULL,
	`expires_at` integer NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);

CREATE INDEX `verification_identifier` ON `verification` (`identifier`);
CREATE TABLE `apikey` (
	`id` text PRIMARY KEY NOT NULL,
	`config_id` text NOT NULL,
	`name` text,
	`start` text,
	`prefix` text,
	`key` text NOT NULL,
	`reference_id` text NOT NULL,
	`refill_interval` integer,
	`refill_amount` integer,
	`last_refill_at` integer,
	`enabled` integer,
	`rate_limit_enabled` integer,
	`rate_limit_time_window` integer,
	`rate_limit_max` integer,
	`request_count` integer,
	`remaining` integer,
	`last_request` integer,
	`expires_at` integer,
	`permissions` text,
	`metadata` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`reference_id`) REFERENCES `user`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE UNIQUE INDEX `apikey_key_unique` ON `apikey` (`key`);
CREATE INDEX `apikey_reference_id` ON `apikey` (`reference_id`);
CREATE TABLE `installed_plugin` (
	`plugin_id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`version` text NOT NULL,
	`enabled` integer DEFAULT true NOT NULL,
	`installed_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);

CREATE TABLE `plugin_dependency` (
	`plugin` text NOT NULL,
	`dependency_id` text NOT NULL,
	`version_constraint` text NOT NULL,
	PRIMARY KEY(`plugin`, `dependency_id`),
	FOREIGN KEY (`plugin`) REFERENCES `installed_plugin`(`plugin_id`) ON UPDATE no action ON DELETE cascade
);

CREATE TABLE `plugin_setting` (
	`plugin` text NOT NULL,
	`key` text NOT NULL,
	`value` text,
	`encrypted` integer DEFAULT false NOT NULL,
	PRIMARY KEY(`plugin`, `key`),
	FOREIGN KEY (`plugin`) REFERENCES `installed_plugin`(`plugin_id`) ON UPDATE no action ON DELETE cascade
);

CREATE TABLE `job` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`operation` integer NOT NULL,
	`operation_name` text NOT NULL,
	`plugin` text,
	`user_id` text NOT NULL,
	`username` text NOT NULL,
	`target_type` text,
	`target_id` text,
	`target_name` text,
	`status` text DEFAULT 'preparing' NOT NULL,
	`progress` integer DEFAULT 0 NOT NULL,
	`message` text DEFAULT '' NOT NULL,
	`params` text NOT NULL,
	`text` text,
	`error` text,
	`attempts` integer DEFAULT 0 NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`interruptions` integer DEFAULT 0 NOT NULL,
	`cancelable` integer DEFAULT true NOT NULL,
	`downloadable` integer DEFAULT false NOT NULL,
	`hidden` integer DEFAULT false NOT NULL,
	`serial_key` text,
	`run_after` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`started_at` integer,
	`finished_at` integer
);

CREATE INDEX `job_user_id` ON `job` (`user_id`,`id`);
CREATE INDEX `job_status` ON `job` (`status`,`id`);
CREATE INDEX `job_operation` ON `job` (`operation`,`id`);
CREATE INDEX `job_plugin` ON `job` (`plugin`,`id`);
CREATE TABLE `meta` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);

