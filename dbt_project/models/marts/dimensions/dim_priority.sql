-- grain: one row per priority
{{
    config(
        unique_key='priority_id',
        pre_hook="{{ claim_loads('dim_priority', ['priorities']) }}",
        post_hook=dimension_hooks('dim_priority', 'priorities', 'priority_id'),
    )
}}

with

members as (
    {{ changed_members('dim_priority', 'priorities', 'priority_id') }}
)

select
    member_key as priority_id,
    priority_code,
    priority_name,
    sla_first_response_min,
    sla_resolution_min,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
