{#
    Every key of the digested loads is in the fact, waits as an orphan, or is one that a person has
    discarded, and the fact holds no other, but for what raw may have held before retention took it.
    Looks at the rows and loads that the test's `where` admits; `model` is these rows.
#}
{% test reconciled_with_raw(model, fact, source_name, key, happened_at) %}
with

digested_loads as (
    select loads.log_id
    from (
        select log.log_id, log.processed_at as _loaded_at
        from {{ source('ops', 'pipeline_file_log') }} as log
        inner join {{ source('ops', 'consumed_load') }} as consumed
            on log.log_id = consumed.load_id
        where
            log.source = '{{ source_name }}'
            and log.status = 'success'
            and consumed.consumer = '{{ fact.identifier }}'
    ) as loads
    where {{ config.get('where') or 'true' }}
),

orphans as (
    select orphan.*
    from {{ source('ops', 'quarantine') }} as orphan
    where orphan.source_table = '{{ fact.identifier }}' and orphan.rejection_stage = 'orphan'
),

lost as (
    select loaded.{{ key }}
    from digested_loads
    cross join lateral (
        select rows.{{ key }}
        from {{ source('raw', source_name) }} as rows
        where rows._load_id = digested_loads.log_id
        offset 0
    ) as loaded
    where
        not exists (select 1 from {{ fact }} as fact where fact.{{ key }} = loaded.{{ key }})
        and not exists (
            select 1 from orphans
            where orphans.status = 'open' and orphans.primary_key = loaded.{{ key }}
        )
        and not exists (
            select 1
            from orphans
            inner join lateral (
                {{ newest_version(source_name, key, 'loaded.' ~ key) }}
            ) as newest
                on (orphans.log_id, orphans.row_number) = (newest._load_id, newest._row_number)
            where orphans.status = 'discarded' and orphans.primary_key = loaded.{{ key }}
        )
),

doubled as (
    select fact.{{ key }}
    from orphans
    inner join {{ fact }} as fact on orphans.primary_key = fact.{{ key }}
    where
        orphans.status = 'open'
        and not {{ is_past_retention(source_name, 'fact.' ~ happened_at) }}
),

left_over as (
    select written.{{ key }}
    from (select * from {{ model }}) as written
    where
        not exists (
            select 1 from {{ source('raw', source_name) }} as rows
            where rows.{{ key }} = written.{{ key }}
        )
        and exists (
            select 1
            from {{ source('ops', 'removed_key') }} as removed
            inner join {{ source('ops', 'consumed_load') }} as consumed
                on removed.load_id = consumed.load_id
            where
                removed.source = '{{ source_name }}'
                and removed.key = written.{{ key }}
                and consumed.consumer = '{{ fact.identifier }}'
                and consumed.consumed_at > written._loaded_at
        )
        and not {{ is_past_retention(source_name, 'written.' ~ happened_at) }}
)

select {{ key }}, 'neither in the fact nor waiting' as problem from lost
union all
select {{ key }}, 'in the fact and waiting' as problem from doubled
union all
select {{ key }}, 'in the fact but in no file' as problem from left_over
{% endtest %}
