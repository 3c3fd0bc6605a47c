CREATE TABLE `entity` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`note` text DEFAULT '' NOT NULL,
	`item_name_pattern` text DEFAULT '' NOT NULL,
	`is_public` integer DEFAULT true NOT NULL,
	`default_permission` text DEFAULT 'nothing' NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_by` text NOT NULL,
	`updated_at` integer NOT NULL
);

CREATE UNIQUE INDEX `entity_name` ON `entity` (`name`) WHERE is_active;
CREATE TABLE `attribute` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`entity_id` integer NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`is_mandatory` integer DEFAULT false NOT NULL,
	`referral` text NOT NULL,
	`choices` text NOT NULL,
	`default_value` text,
	`index` integer NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`is_public` integer DEFAULT true NOT NULL,
	`default_permission` text DEFAULT 'nothing' NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `entity`(`id`) ON UPDATE no action ON DELETE no action
);

CREATE UNIQUE INDEX `attribute_name` ON `attribute` (`entity_id`,`name`) WHERE is_active;
CREATE INDEX `attribute_entity_id` ON `attribute` (`entity_id`);
CREATE TABLE `entry` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`entity_id` integer NOT NULL,
	`name` text NOT NULL,
	`attrs` text NOT NULL,
	`is_public` integer DEFAULT true NOT NULL,
	`default_permission` text DEFAULT 'nothing' NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_by` text NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `entity`(`id`) ON UPDATE no action ON DELETE no action
);

CREATE UNIQUE INDEX `entry_name` ON `entry` (`entity_id`,`name`) WHERE is_active;
CREATE INDEX `entry_list` ON `entry` (`entity_id`,`is_active`,`id`);
CREATE INDEX `entry_updated_at` ON `entry` (`entity_id`,`updated_at`);
CREATE TABLE `entry_value` (
	`entry_id` integer NOT NULL,
	`attribute_id` integer NOT NULL,
	`position` integer NOT NULL,
	`text` text,
	`number` real,
	`ref_id` integer,
	PRIMARY KEY(`entry_id`, `attribute_id`, `position`),
	FOREIGN KEY (`entry_id`) REFERENCES `entry`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `entry_value_text` ON `entry_value` (`attribute_id`,`text`,`entry_id`);
CREATE INDEX `entry_value_number` ON `entry_value` (`attribute_id`,`number`,`entry_id`);
CREATE INDEX `entry_value_ref` ON `entry_value` (`ref_id`,`attribute_id`);
CREATE TABLE `entry_history` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`entry_id` integer NOT NULL,
	`version` integer NOT NULL,
	`action` text NOT NULL,
	`changes` text NOT NULL,
	`user_id` text NOT NULL,
	`username` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`entry_id`) REFERENCES `entry`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `entry_history_entry_id` ON `entry_history` (`entry_id`,`version`);
CREATE TABLE `entity_override` (
	`entity_id` integer NOT NULL,
	`operation` text NOT NULL,
	`plugin` text NOT NULL,
	`params` text NOT NULL,
	PRIMARY KEY(`entity_id`, `operation`),
	FOREIGN KEY (`entity_id`) REFERENCES `entity`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE TABLE `hook_delivery` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`plugin` text NOT NULL,
	`hook` text NOT NULL,
	`position` integer NOT NULL,
	`user_id` text NOT NULL,
	`payload` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`run_after` integer NOT NULL,
	`created_at` integer NOT NULL
);

CREATE INDEX `hook_delivery_run_after` ON `hook_delivery` (`run_after`);
CREATE INDEX `hook_delivery_plugin` ON `hook_delivery` (`plugin`);
CREATE TABLE `group` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`parent_group_id` integer
);

CREATE UNIQUE INDEX `group_name_unique` ON `group` (`name`);
CREATE INDEX `group_parent_group_id` ON `group` (`parent_group_id`);
CREATE TABLE `group_member` (
	`group_id` integer NOT NULL,
	`user_id` text NOT NULL,
	PRIMARY KEY(`group_id`, `user_id`),
	FOREIGN KEY (`group_id`) REFERENCES `group`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `group_member_user_id` ON `group_member` (`user_id`);
CREATE TABLE `role` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL,
	`description` text DEFAULT '' NOT NULL
);

CREATE UNIQUE INDEX `role_name_unique` ON `role` (`name`);
CREATE TABLE `role_member` (
	`role_id` integer NOT NULL,
	`member_type` text NOT NULL,
	`member_id` text NOT NULL,
	`is_admin` integer NOT NULL,
	PRIMARY KEY(`role_id`, `member_type`, `member_id`, `is_admin`),
	FOREIGN KEY (`role_id`) REFERENCES `role`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `role_member_member` ON `role_member` (`member_type`,`member_id`);
CREATE TABLE `acl` (
	`object_type` text NOT NULL,
	`object_id` integer NOT NULL,
	`role_id` integer NOT NULL,
	`level` text NOT NULL,
	PRIMARY KEY(`object_type`, `object_id`, `role_id`),
	FOREIGN KEY (`role_id`) REFERENCES `role`(`id`) ON UPDATE no action ON DELETE cascade
);

CREATE INDEX `acl_role_id` ON `acl` (`role_id`);
CREATE TABLE `audit` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` text NOT NULL,
	`username` text NOT NULL,
	`action` text NOT NULL,
	`object_type` text NOT NULL,
	`object_id` text NOT NULL,
	`changes` text NOT NULL,
	`created_at` integer NOT NULL
);

CREATE INDEX `audit_object` ON `audit` (`object_type`,`object_id`);
