create table ops.pii_key (
    fingerprint varchar(16) primary key,
    last_taken_up_at timestamptz not null default clock_timestamp()
);

comment on table ops.pii_key is
'The keys that hashes of personal values were made with, newest last; the key itself is nowhere.';
