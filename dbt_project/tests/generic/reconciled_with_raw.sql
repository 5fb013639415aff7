{#
    Every key of the digested loads is in the fact, waits as an orphan, or is one that a person has
    discarded, and the fact holds no other, but for what raw may have held before retention took it.
    Looks at the keys that are to be tested, whether the fact has a row of them or not; `model` is
    the rows that it has.
#}
{% test reconciled_with_raw(model, fact, source_name, key) %}
with

tested_keys as (
    {{ tested_keys() }}
),

orphans as (
    select orphan.*
    from {{ source('ops', 'quarantine') }} as orphan
    where orphan.source_table = '{{ fact.identifier }}' and orphan.rejection_stage = 'orphan'
),

lost as (
    select tested_keys.key as {{ key }}
    from tested_keys
    where
        not exists (select 1 from {{ fact }} as fact where fact.{{ key }} = tested_keys.key)
        and not exists (
            select 1 from orphans
            where orphans.status = 'open' and orphans.primary_key = tested_keys.key
        )
        -- Of a key of which every row is discarded there is no version.
        and exists (
            select 1
            from ({{ newest_version(source_name, key, 'tested_keys.key') }}) as newest
            where {{ is_digested(fact.identifier, 'newest._load_id') }}
        )
),

doubled as (
    select fact.{{ key }}
    from orphans
    inner join {{ fact }} as fact on orphans.primary_key = fact.{{ key }}
    where
        orphans.status = 'open'
        and not {{ must_stay(fact.identifier, 'fact') }}
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
            inner join {{ source('ops', 'pipeline_file_log') }} as log
                on removed.load_id = log.log_id
            inner join {{ source('ops', 'consumed_load') }} as consumed
                on {{ has_read('consumed', 'log') }}
            where
                removed.source = '{{ source_name }}'
                and removed.key = written.{{ key }}
                and consumed.consumer = '{{ fact.identifier }}'
                and consumed.consumed_at > written._loaded_at
        )
        and not {{ must_stay(fact.identifier, 'written') }}
)

select
    lost.{{ key }} as failed_key,
    'neither in the fact nor waiting' as problem
from lost

union all

select
    doubled.{{ key }} as failed_key,
    'in the fact and waiting' as problem
from doubled

union all

select
    left_over.{{ key }} as failed_key,
    'in the fact but in no file' as problem
from left_over
{% endtest %}
