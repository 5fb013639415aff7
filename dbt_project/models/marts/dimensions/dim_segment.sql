-- grain: one row per segment
{{
    config(
        unique_key='segment_id',
        pre_hook="{{ claim_loads('dim_segment', ['segments', 'customers']) }}",
        post_hook="{{ mark_absences('dim_segment', 'segments', 'segment_id') }}",
    )
}}

with

members as (
    {{ changed_members('dim_segment', 'segments', 'segment_id', [('customers', 'segment_id')]) }}
)

select
    member_key as segment_id,
    segment_name,
    discount_pct,
    priority_support,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
