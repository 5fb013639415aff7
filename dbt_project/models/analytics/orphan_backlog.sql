-- grain: one row per fact table and foreign key that orphans wait for
with

orphans as (
    select * from {{ source('ops', 'quarantine') }}
),

waiting as (
    select
        orphans.source_table,
        reason.item ->> 'column' as unresolved_fk,
        orphans.first_seen_at,
        jsonb_array_length(orphans.reasons) as missing_parents
    from orphans
    cross join lateral jsonb_array_elements(orphans.reasons) as reason (item)
    where orphans.rejection_stage = 'orphan' and orphans.status = 'open'
)

select
    source_table,
    unresolved_fk,
    count(*) as orphans,
    count(*) filter (where missing_parents = 1) as orphans_of_this_alone,
    count(*) filter (where first_seen_at < now() - {{ true_orphan_age() }}) as true_orphans,
    min(first_seen_at) as oldest_first_seen_at
from waiting
group by source_table, unresolved_fk
