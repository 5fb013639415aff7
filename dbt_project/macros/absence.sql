{#
    Which members the newest snapshot of a source does not list, and since when.

    A snapshot is what the files of one partition list together; the master files are one. A refused
    row lists its member. A member that no snapshot ever listed is not absent.
#}

{# CTEs snapshots, newest_snapshot and listed. Needs the CTE claimed: without a load nothing is
   listed, for nothing is asked. #}
{% macro snapshots(source_name, key) -%}
snapshots as (
    select
        log.log_id,
        log.partition_at
    from {{ source('ops', 'pipeline_file_log') }} as log
    where
        log.source = '{{ source_name }}'
        and log.status = 'success'
        and log.is_loaded
),

newest_snapshot as (
    select max(snapshots.partition_at) as partition_at from snapshots
),

-- Whom the newest snapshot lists, in a valid row or in a refused one.
listed as materialized (
    select rows.{{ key }} as member_key
    from snapshots
    inner join newest_snapshot on snapshots.partition_at = newest_snapshot.partition_at
    cross join lateral (
        select loaded.{{ key }}
        from {{ source('raw', source_name) }} as loaded
        where loaded._load_id = snapshots.log_id
        offset 0
    ) as rows
    where exists (select 1 from claimed)

    union all

    select {{ integer_or_null('refused.primary_key') }} as member_key
    from snapshots
    inner join newest_snapshot on snapshots.partition_at = newest_snapshot.partition_at
    inner join {{ source('ops', 'quarantine') }} as refused
        on snapshots.log_id = refused.log_id
    where refused.rejection_stage <> 'orphan' and exists (select 1 from claimed)
)
{%- endmacro %}

{# CTEs up to `absences` (member_key, absent_since): those of `known` (a CTE of members with the
   absent_since that is stored) that the newest snapshot does not list. Needs the CTEs of
   `snapshots`. #}
{% macro absences(source_name, key) -%}
-- The last snapshot that lists a member, be it in a valid row or in a refused one.
last_listed as (
    select
        known.member_key,
        known.absent_since,
        greatest(valid.seen_at, refused.seen_at) as seen_at
    from known
    cross join lateral (
        select max(rows._partition_at) as seen_at
        from {{ source('raw', source_name) }} as rows
        where rows.{{ key }} = known.member_key
    ) as valid
    cross join lateral (
        select max(snapshots.partition_at) as seen_at
        from {{ source('ops', 'quarantine') }} as rejection
        inner join snapshots on rejection.log_id = snapshots.log_id
        where
            rejection.source = '{{ source_name }}'
            and left(rejection.primary_key, 64) = known.member_key::text
            and rejection.rejection_stage <> 'orphan'
    ) as refused
    where not exists (select 1 from listed where listed.member_key = known.member_key)
),

-- The first snapshot without a member that also the newest one does not list. What is stored
-- counts as well, for the log of old snapshots may be gone.
absences as (
    select
        last_listed.member_key,
        least(
            case when last_listed.seen_at is null then newest_snapshot.partition_at else (
                select min(snapshots.partition_at)
                from snapshots
                where snapshots.partition_at > last_listed.seen_at
            ) end,
            case
                when last_listed.absent_since > coalesce(last_listed.seen_at, '-infinity')
                    then last_listed.absent_since
            end
        ) as absent_since
    from last_listed
    cross join newest_snapshot
)
{%- endmacro %}

{# Post-hook of a dimension: marks the members that the newest snapshot of its source does not list,
   and takes the mark from those that it does. Only when the transaction has claimed a load of that
   source; the members listed are then as many as that load has rows. The model itself leaves the
   columns alone (`merge_exclude_columns`). #}
{% macro mark_absences(dimension, source_name, key) %}
    with

    claimed as (
        select loads.load_id
        from ({{ claimed_loads(dimension) }}) as loads
        where loads.source = '{{ source_name }}'
    ),

    {{ snapshots(source_name, key) }},

    known as (
        select
            members.{{ key }} as member_key,
            members.absent_since
        from {{ this }} as members
        where
            members.stub_reason is distinct from 'referenced'
            and exists (select 1 from claimed)
    ),

    {{ absences(source_name, key) }}

    update {{ this }} as marked
    set
        is_absent = absences.absent_since is not null,
        absent_since = absences.absent_since,
        _loaded_at = now()
    from known
    left join absences on known.member_key = absences.member_key
    where
        marked.{{ key }} = known.member_key
        and marked.absent_since is distinct from absences.absent_since
{% endmacro %}
