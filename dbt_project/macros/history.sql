{#
    Versions of the members of a dimension: one for each change of its business columns.

    A snapshot says what a member looked like at the start of its partition. These sightings, in
    the order of the partitions, make the versions: a sighting that says what the one before said
    makes none. Members whose newly loaded sightings say what their stored versions say already
    are not looked at; the versions of all others are derived anew from all their sightings.

    Sightings that retention has taken out of raw are remembered in ops.sighting, each with the load
    whose row says the same.
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
    select {{ integer_or_null('removed.key') }} as member_key
    from claimed
    inner join {{ source('ops', 'removed_key') }} as removed
        on claimed.load_id = removed.load_id
    where removed.source = '{{ source_name }}'
),

{{ snapshots(source_name, key) }},

members as materialized (
    {{ members_to_look_at(source_name, key, columns) }}
),

-- By key, as in `values_of_loads`.
seen as (
    select
        members.member_key,
        in_raw.*
    from members
    cross join lateral (
        select
            loaded._partition_at as seen_at,
            loaded._source_file as path,
            {{ qualified("loaded", columns) }}
        from {{ source('raw', source_name) }} as loaded
        where loaded.{{ key }} = members.member_key
        offset 0
    ) as in_raw

    union all

    select
        members.member_key,
        remembered.*
    from members
    cross join lateral (
        select
            taken.partition_at as seen_at,
            log.file_path as path,
            {{ qualified("said", columns) }}
        from {{ source('ops', 'sighting') }} as taken
        inner join {{ source('ops', 'pipeline_file_log') }} as log on taken.load_id = log.log_id
        inner join {{ source('raw', source_name) }} as said
            on taken.said_by = said._load_id and members.member_key = said.{{ key }}
        where taken.source = '{{ source_name }}' and taken.key = members.member_key::text
        offset 0
    ) as remembered
),

sightings as (
    select distinct on (seen.member_key, seen.seen_at) seen.*
    from seen
    order by seen.member_key asc, seen.seen_at asc, seen.path asc
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
    select members.member_key
    from members
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
    {%- if is_incremental() %}
    select known_versions.version_key
    from members
    inner join {{ this }} as known_versions on members.member_key = known_versions.{{ key }}
    where not exists (
        select 1 from derived where derived.version_key = known_versions.version_key
    )
    {%- else %}
    select derived.version_key
    from derived
    where false
    {%- endif %}
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
