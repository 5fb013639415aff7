create table ops.warehouse_version (
    version_id bigint generated always as identity primary key,
    version text not null,
    migration integer not null,
    taken_at timestamptz not null default clock_timestamp()
);

comment on table ops.warehouse_version is
'The versions of fastfeast_assets that this warehouse was brought to, newest last. An older one than the newest refuses to work on it.';
comment on column ops.warehouse_version.migration is 'The newest migration of that version.';

create table ops.mart_table (
    mart text primary key,
    definition_hash text not null,
    waiting_columns text[] not null default '{}',
    applied_at timestamptz not null default clock_timestamp()
);

comment on table ops.mart_table is
'The definition that each table of marts was last brought to.';
comment on column ops.mart_table.waiting_columns is
'New columns that become not null once a transform has filled them.';

alter table ops.raw_table add column amounts text[];

comment on column ops.raw_table.amounts is
'The columns, with their types, that the checksums of its loads are over; null when not kept yet.';

create table ops.built_models (
    is_the_one boolean primary key default true check (is_the_one),
    models_hash text not null,
    built_at timestamptz not null default clock_timestamp()
);

comment on table ops.built_models is
'The models that the last whole transform has built, in one row: with others everything is built once more.';
