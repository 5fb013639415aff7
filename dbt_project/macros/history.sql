{#
    Versions of the members of a dimension: one for each change of its business columns.

    A snapshot says what a member looked like at the start of its partition. These sightings, in
    the order of the partitions, make the versions: a sighting that says what the one before said
    makes none. Members whose newly loaded sightings say what their stored versions say already
    are not looked at; the versions of all others are derived anew from all their sightings.

    When raw has given up a partition (retention), the start of a stored version stands for the
    sighting that raw held. It is dropped when a file that was replaced took the sighting back.
#}

{# Query: member_key; the members whose versions the claimed loads may change. Needs the CTEs
   claimed and withdrawn. #}
{% macro members_to_look_at(source_name, key, columns) %}
    select withdrawn.member_key
    from withdrawn

    union

    select loaded.{{ key }} as member_key
    from claimed
    cross join lateral (
        select rows.*
        from {{ source('raw', source_name) }} as rows
        where rows._load_id = claimed.load_id
        offset 0
    ) as loaded
    where
        claimed.source = '{{ source_name }}'
        {%- if is_incremental() %}
        and not exists (
            select 1 from {{ this }} as known
            where
                known.{{ key }} = loaded.{{ key }}
                and known.valid_from <= loaded._partition_at
                and (known.valid_to is null or loaded._partition_at < known.valid_to)
                and ({{ qualified("known", columns) }})
                is not distinct from ({{ qualified("loaded", columns) }})
        )

    union

    select known.{{ key }} as member_key
    from {{ this }} as known
    where
        known.is_current
        and exists (select 1 from claimed)
        and (
            known.is_absent
            or not exists (select 1 from listed where listed.member_key = known.{{ key }})
        )
        {%- endif %}
{% endmacro %}

{# CTEs up to `history`: the versions of the members that claimed loads may have changed, and, with
   nothing but its key, each stored version that is none any more. #}
{% macro member_versions(history, source_name, key, columns) %}
claimed as (
    {{ claimed_loads(history) }}
),

withdrawn as (
    select
        {{ integer_or_null('removed.key') }} as member_key,
        log.partition_at
    from claimed
    inner join {{ source('ops', 'removed_key') }} as removed
        on claimed.load_id = removed.load_id
    inner join {{ source('ops', 'pipeline_file_log') }} as log
        on claimed.load_id = log.log_id
    where removed.source = '{{ source_name }}'
),

{{ snapshots(source_name, key) }},

members as materialized (
    {{ members_to_look_at(source_name, key, columns) }}
),

stored as (
    {%- if is_incremental() %}
    select known.*
    from members
    cross join lateral (
        select versions.*
        from {{ this }} as versions
        where versions.{{ key }} = members.member_key
        offset 0
    ) as known
    {%- else %}
    select
        rows.{{ key }},
        null::text as version_key,
        null::timestamp as valid_from,
        false as is_current,
        null::timestamp as absent_since,
        {{ qualified("rows", columns) }}
    from {{ source('raw', source_name) }} as rows
    where false
    {%- endif %}
),

sightings as (
    select
        members.member_key,
        true as is_in_raw,
        seen.*
    from members
    cross join lateral (
        select distinct on (snapshot_row._partition_at)
            snapshot_row._partition_at as seen_at,
            {{ qualified("snapshot_row", columns) }}
        from {{ source('raw', source_name) }} as snapshot_row
        where snapshot_row.{{ key }} = members.member_key
        order by snapshot_row._partition_at asc, snapshot_row._source_file asc
    ) as seen

    union all

    select
        stored.{{ key }} as member_key,
        false as is_in_raw,
        stored.valid_from as seen_at,
        {{ qualified("stored", columns) }}
    from stored
    where
        not exists (
            select 1 from {{ source('raw', source_name) }} as rows
            where rows.{{ key }} = stored.{{ key }} and rows._partition_at = stored.valid_from
        )
        and not exists (
            select 1 from withdrawn
            where
                withdrawn.member_key = stored.{{ key }}
                and withdrawn.partition_at = stored.valid_from
        )
),

numbered as (
    select
        sightings.*,
        row_number() over (
            partition by sightings.member_key order by sightings.seen_at
        ) as position
    from sightings
),

changes as (
    select numbered.*
    from numbered
    left join numbered as previous
        on
            numbered.member_key = previous.member_key
            and numbered.position = previous.position + 1
    where
        previous.member_key is null
        or ({{ qualified("numbered", columns) }})
        is distinct from ({{ qualified("previous", columns) }})
),

versions as (
    select
        changes.*,
        lead(changes.seen_at) over (
            partition by changes.member_key order by changes.seen_at
        ) as valid_to
    from changes
),

known as (
    select
        members.member_key,
        stored.absent_since
    from members
    left join stored on members.member_key = stored.{{ key }} and stored.is_current
),

{{ absences(source_name, key) }},

derived as (
    select
        versions.member_key || '@' || to_char(versions.seen_at, 'YYYY-MM-DD') as version_key,
        versions.member_key as {{ key }},
        {{ qualified("versions", columns) }},
        versions.seen_at as valid_from,
        versions.valid_to,
        versions.valid_to is null as is_current,
        absences.absent_since is not null as is_absent,
        absences.absent_since
    from versions
    left join absences
        on versions.member_key = absences.member_key and versions.valid_to is null
),

-- With nothing but its key: a stored version that is none any more.
obsolete as (
    select stored.version_key
    from stored
    where not exists (
        select 1 from derived where derived.version_key = stored.version_key
    )
),

history as (
    select * from derived

    union all

    select
        obsolete.version_key,
        null as {{ key }},
        {%- for column in columns %}
        null as {{ column }},
        {%- endfor %}
        null as valid_from,
        null as valid_to,
        null as is_current,
        null as is_absent,
        null as absent_since
    from obsolete
)
{% endmacro %}

{# Expressions: the columns, each with the name of its table. #}
{% macro qualified(table, columns) -%}
    {%- for column in columns %}{{ table }}.{{ column }}{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}

{# Condition: a version is the one at a moment of the business clock; at most one is. #}
{% macro is_valid_at(versions, moment) -%}
    {{ versions }}.valid_from <= {{ moment }}
    and ({{ versions }}.valid_to is null or {{ moment }} < {{ versions }}.valid_to)
{%- endmacro %}
