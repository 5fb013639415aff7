{#
    The rows of a fact, `model`, have the values of the version that they name, where raw still holds
    it as the newest. Beside that, no row names a version of which raw holds a later one, but for one
    that the fact has not digested or that waits.
#}
{% test checksum_of_raw(model, fact, source_name, key, columns) %}
with

written as (
    select * from (select * from {{ model }}) as looked_at
),

compared as (
    select
        written.{{ key }},
        versions._load_id = written._load_id
        and ({{ qualified("versions", columns) }})
        is distinct from ({{ qualified("written", columns) }}) as is_different,
        versions._partition_at > written._partition_at
        and {{ is_digested(fact.identifier, 'versions._load_id') }}
        and not exists (
            select 1 from {{ source('ops', 'quarantine') }} as orphan
            where
                orphan.source_table = '{{ fact.identifier }}'
                and orphan.rejection_stage = 'orphan'
                and orphan.status = 'open'
                and orphan.log_id = versions._load_id
                and orphan.row_number = versions._row_number
        ) as is_earlier
    from written
    cross join lateral (
        {{ newest_version(source_name, key, 'written.' ~ key) }}
    ) as versions
)

select
    compared.{{ key }} as failed_key,
    case
        when compared.is_different then 'says something else than raw'
        else 'shows an earlier version'
    end as problem
from compared
where compared.is_different or compared.is_earlier
{% endtest %}
