create table ops.identity (
    is_the_one boolean primary key default true check (is_the_one),
    timezone text not null,
    start_date date not null,
    landing text not null,
    landing_address text not null,
    taken_at timestamptz not null default clock_timestamp()
);

comment on table ops.identity is
'Whose this warehouse is, in one row: what its rows rest on and no row tells. Other settings are refused; audit_log has what was before.';
comment on column ops.identity.timezone is
'The business clock, FASTFEAST_TIMEZONE: what the timestamps of the files are on.';
comment on column ops.identity.start_date is
'FASTFEAST_START_DATE: the first daily partition, to which master files belong.';
comment on column ops.identity.landing is
'The landing zone: the id that lies in it or that FASTFEAST_LANDING_ID gives it, else its place.';
comment on column ops.identity.landing_address is
'Where that landing zone was when its identity was taken or accepted, without links.';
comment on column ops.identity.taken_at is
'When the first file was loaded, `fastfeast upgrade` was called, or a change was accepted last.';

comment on column ops.audit_log.action is
'release, discard, reprocess, prune, refresh, upgrade, or accept for a change of the identity.';

-- With another start date a master file is loaded again into another partition.
alter table ops.removed_key add column partition_at timestamp;

comment on column ops.removed_key.partition_at is
'Partition that the replaced version was in; null, for older ones, is that of the load.';
