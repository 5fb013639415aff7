alter table ops.pii_key add column scheme text;

comment on column ops.pii_key.scheme is
'How hashes of persons are made with this key: direct, with the key itself, as version 0.1 did; hkdf, with a key derived from it. `fastfeast rotate-key` moves to hkdf.';

update ops.pii_key set scheme = 'direct';

alter table ops.pii_key
alter column scheme set not null,
add constraint pii_key_scheme check (scheme in ('direct', 'hkdf'));
