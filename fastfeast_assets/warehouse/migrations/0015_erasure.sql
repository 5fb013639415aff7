create table ops.suppressed_hash (
    hash text primary key,
    fingerprint varchar(16) not null references ops.pii_key (fingerprint),
    suppressed_at timestamptz not null default clock_timestamp()
);

comment on table ops.suppressed_hash is
'Hashes of persons that were erased: rows of persons that have one are loaded without the person.';
comment on column ops.suppressed_hash.fingerprint is 'Of the key that the hash was made with.';

create table ops.suppressed_row (
    source text not null,
    column_name text not null,
    value text not null,
    suppressed_at timestamptz not null default clock_timestamp(),
    primary key (source, column_name, value)
);

comment on table ops.suppressed_row is
'Rows of a source that are loaded without the person, by the value of a column: the key of a member that was erased, or the ticket whose notes were.';

alter table ops.pipeline_file_log add column erased_records bigint not null default 0;

comment on column ops.pipeline_file_log.erased_records is
'Rows of this load, in raw or in the quarantine, without the person whom they were about; valid_records and quarantined count them still.';
