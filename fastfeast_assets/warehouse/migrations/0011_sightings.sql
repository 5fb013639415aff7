create table ops.sighting (
    source text not null,
    key text,
    partition_at timestamp not null,
    load_id bigint not null references ops.pipeline_file_log (log_id),
    row_number bigint not null,
    said_by bigint references ops.pipeline_file_log (log_id),
    uncompared jsonb
);

comment on table ops.sighting is
'What retention took of daily snapshots: that a file listed a key, and what it said of it. Not rows that raw or the quarantine hold.';
comment on column ops.sighting.key is 'The member; null for a refused row whose key could not be read.';
comment on column ops.sighting.partition_at is 'Of the load.';
comment on column ops.sighting.load_id is 'The load that listed the member.';
comment on column ops.sighting.said_by is
'The load whose row of this key, in raw, says the same; null for a refused row.';
comment on column ops.sighting.uncompared is 'Values that the two rows need not share, such as updated_at.';

create index sighting_key on ops.sighting (source, key, partition_at);
create index sighting_load on ops.sighting (load_id);
create index sighting_said_by on ops.sighting (said_by);

create view ops.refusal as
select
    source,
    left(primary_key, 64) as key,
    log_id as load_id
from ops.quarantine
where rejection_stage <> 'orphan'

union all

select
    source,
    key,
    load_id
from ops.sighting
where said_by is null;

comment on view ops.refusal is 'Refused rows, those that retention took included: who was listed, though not validly.';

create table ops.withdrawn_member (
    dimension text not null,
    key_column text not null,
    key integer not null,
    primary key (dimension, key)
);

comment on table ops.withdrawn_member is
'Members that no file lists or refers to any more. Facts let go of them; then they leave their dimension.';

create table ops.pending_key (
    consumer text not null,
    key text not null,
    primary key (consumer, key)
);

comment on table ops.pending_key is
'Keys that a fact has to look at again though no load names them: what they refer to is leaving.';

create function ops.drop_withdrawn_members() returns void
language plpgsql as $$
declare
    member record;
begin
    for member in select * from ops.withdrawn_member loop
        if to_regclass(format('marts.%I', member.dimension)) is not null then
            begin
                execute format(
                    'delete from marts.%I where %I = $1', member.dimension, member.key_column
                ) using member.key;
            exception when foreign_key_violation then
                -- A fact that retention keeps from leaving still refers to it.
                continue;
            end;
        end if;
        delete from ops.withdrawn_member
        where dimension = member.dimension and key = member.key;
    end loop;
end
$$;

comment on function ops.drop_withdrawn_members() is
'Takes withdrawn members out of their dimensions, but for those that facts still refer to.';
