{#
    Which members the newest snapshot of a source does not list, and since when.

    A snapshot is what the files of one partition list together; the master files are one. A refused
    row lists its member. Where its key cannot be read, nobody knows whom it lists: such a snapshot
    proves nobody's absence. A member that no snapshot ever listed is not absent.

    What retention takes changes none of it: the newest valid row of a key stays in raw, and refused
    rows stay in ops.refusal.
#}

{# CTEs snapshots, whole_snapshots, newest_snapshot and listed. Needs the CTE claimed: without a load
   nothing is listed, for nothing is asked. #}
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

whole_snapshots as (
    select snapshots.partition_at from snapshots

    except

    select snapshots.partition_at
    from {{ source('ops', 'refusal') }} as refused
    inner join snapshots on refused.load_id = snapshots.log_id
    where refused.source = '{{ source_name }}' and refused.key is null
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

    select {{ integer_or_null('refused.key') }} as member_key
    from snapshots
    inner join newest_snapshot on snapshots.partition_at = newest_snapshot.partition_at
    inner join {{ source('ops', 'refusal') }} as refused on snapshots.log_id = refused.load_id
    where exists (select 1 from claimed)
)
{%- endmacro %}

{# CTEs up to `absences` (member_key, absent_since): those of `known` (a CTE of members) that the
   newest snapshot does not list. Needs the CTEs of `snapshots`. #}
{% macro absences(source_name, key) -%}
-- The last snapshot that lists a member, be it in a valid row or in a refused one.
last_listed as (
    select
        known.member_key,
        greatest(valid.seen_at, refused.seen_at) as seen_at
    from known
    cross join lateral (
        select max(rows._partition_at) as seen_at
        from {{ source('raw', source_name) }} as rows
        where rows.{{ key }} = known.member_key
    ) as valid
    cross join lateral (
        select max(snapshots.partition_at) as seen_at
        from {{ source('ops', 'refusal') }} as rejection
        inner join snapshots on rejection.load_id = snapshots.log_id
        where
            rejection.source = '{{ source_name }}'
            and rejection.key = known.member_key::text
    ) as refused
    where not exists (select 1 from listed where listed.member_key = known.member_key)
),

-- The first whole snapshot without a member that also the newest one does not list.
absences as (
    select
        last_listed.member_key,
        (
            select min(whole_snapshots.partition_at)
            from whole_snapshots
            where whole_snapshots.partition_at > last_listed.seen_at
        ) as absent_since
    from last_listed
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
        select members.{{ key }} as member_key
        from {{ this }} as members
        where exists (select 1 from claimed)
    ),

    {{ absences(source_name, key) }},

    -- A member that has to stay though no file lists it any more keeps its time.
    found as (
        select
            members.{{ key }} as member_key,
            coalesce(
                absences.absent_since,
                case
                    when withdrawn.key is not null
                        then coalesce(members.absent_since, newest_snapshot.partition_at)
                end
            ) as absent_since
        from known
        inner join {{ this }} as members on known.member_key = members.{{ key }}
        cross join newest_snapshot
        left join absences on known.member_key = absences.member_key
        left join ops.withdrawn_member as withdrawn
            on withdrawn.dimension = '{{ dimension }}' and known.member_key = withdrawn.key
    )

    update {{ this }} as marked
    set
        is_absent = found.absent_since is not null,
        absent_since = found.absent_since,
        _loaded_at = now()
    from found
    where
        marked.{{ key }} = found.member_key
        and marked.absent_since is distinct from found.absent_since
{% endmacro %}
