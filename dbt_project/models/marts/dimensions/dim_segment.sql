-- grain: one row per segment
{%- set references = [('customers', 'segment_id')] %}
{{
    config(
        unique_key='segment_id',
        pre_hook="{{ claim_loads('dim_segment', ['segments', 'customers']) }}",
        post_hook=dimension_hooks('dim_segment', 'segments', 'segment_id', references),
    )
}}

with

members as (
    {{ changed_members('dim_segment', 'segments', 'segment_id', references) }}
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
