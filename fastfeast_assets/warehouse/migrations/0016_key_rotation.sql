create table ops.key_rotation (
    rotation_id bigint generated always as identity primary key,
    from_fingerprint varchar(16) not null references ops.pii_key (fingerprint),
    to_fingerprint varchar(16) not null references ops.pii_key (fingerprint),
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);

comment on table ops.key_rotation is
'From which key to which one the hashes of persons went (`fastfeast rotate-key`); without finished_at it is open, and both keys are in use.';

create unique index key_rotation_open on ops.key_rotation ((finished_at is null))
where finished_at is null;

create table ops.hash_pair (
    old_hash text primary key,
    new_hash text not null
);

comment on table ops.hash_pair is
'While a rotation of the key is open: what the hash of a person was, and what it is now, to join older extracts with.';

create index hash_pair_new on ops.hash_pair (new_hash);

create table ops.untranslated_hash (
    source text not null,
    hash text not null,
    primary key (source, hash)
);

comment on table ops.untranslated_hash is
'Hashes of persons in a source that are still those of a former key: no file of the landing zone had the value when the key was changed, and none has brought it since.';

alter table ops.pii_key add column wrapped bytea;

comment on column ops.pii_key.wrapped is
'Of a former key: what hashed persons with it, readable with the present key only; kept as long as ops.suppressed_hash has hashes that were made with it.';
