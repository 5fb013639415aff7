-- grain: one row per orphan that has waited for its parents longer than FASTFEAST_ORPHAN_HOURS
with

orphans as (
    select * from {{ source('ops', 'quarantine') }}
)

select
    quarantine_id as orphan_id,
    quarantine_id,
    source_file,
    source_table,
    (
        select string_agg(reason.item ->> 'column', ', ' order by reason.position)
        from jsonb_array_elements(orphans.reasons) with ordinality as reason (item, position)
    ) as unresolved_fk,
    case when {{ may_see_rejected_rows() }} then raw_data end as raw_data,
    first_seen_at,
    retry_count,
    last_retry_at
from orphans
where
    rejection_stage = 'orphan'
    and status = 'open'
    and first_seen_at < now() - {{ true_orphan_age() }}
