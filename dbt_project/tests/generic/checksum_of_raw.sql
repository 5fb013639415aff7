{#
    The rows that the test's `where` admits (`model`) have in the fact the values that they have in
    raw: one sum of hashes over `columns` here and there, in whatever order. Rows that the fact has
    not digested yet, those whose raw row is past its retention, and those whose newest version is
    held back as an orphan are left out on both sides.
#}
{% test checksum_of_raw(model, fact, source_name, key, columns) %}
with

written as (
    select * from (select * from {{ model }}) as recent
),

newest as (
    select versions.*
    from written
    cross join lateral (
        {{ newest_version(source_name, key, 'written.' ~ key) }}
    ) as versions
    where
        exists (
            select 1 from {{ source('ops', 'consumed_load') }} as consumed
            where
                consumed.consumer = '{{ fact.identifier }}'
                and consumed.load_id = versions._load_id
        )
        and not exists (
            select 1 from {{ source('ops', 'quarantine') }} as orphan
            where
                orphan.source_table = '{{ fact.identifier }}'
                and orphan.rejection_stage = 'orphan'
                and orphan.status in ('open', 'discarded')
                and orphan.log_id = versions._load_id
                and orphan.row_number = versions._row_number
        )
),

in_raw as (
    select
        count(*) as row_count,
        sum({{ row_hash('newest', [key] + columns) }}) as checksum
    from newest
),

in_fact as (
    select
        count(*) as row_count,
        sum({{ row_hash('written', [key] + columns) }}) as checksum
    from written
    inner join newest on written.{{ key }} = newest.{{ key }}
)

select
    in_raw.row_count as rows_of_raw,
    in_raw.checksum as checksum_of_raw,
    in_fact.row_count as rows_of_fact,
    in_fact.checksum as checksum_of_fact
from in_raw
cross join in_fact
where
    in_raw.row_count <> in_fact.row_count
    or in_raw.checksum is distinct from in_fact.checksum
{% endtest %}
